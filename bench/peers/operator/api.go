package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TenantProxy has what this operator reads of the custom resource.
type TenantProxy struct {
	v1.TypeMeta   `json:",inline"`
	v1.ObjectMeta `json:"metadata,omitempty"`
	Spec          TenantProxySpec   `json:"spec"`
	Status        TenantProxyStatus `json:"status,omitempty"`
}

// TenantProxySpec is a part of the spec.
type TenantProxySpec struct {
	TenantID string   `json:"tenantId"`
	Upstream Upstream `json:"upstream"`
}

// Upstream is the tenant's order management system.
type Upstream struct {
	URL     string `json:"url"`
	Timeout string `json:"timeout,omitempty"`
}

// TenantProxyStatus is what is observed.
type TenantProxyStatus struct {
	ObservedGeneration int64          `json:"observedGeneration,omitempty"`
	Conditions         []v1.Condition `json:"conditions,omitempty"`
	Endpoint           string         `json:"endpoint,omitempty"`
}

// TenantProxyList is a list of them.
type TenantProxyList struct {
	v1.TypeMeta `json:",inline"`
	v1.ListMeta `json:"metadata,omitempty"`
	Items       []TenantProxy `json:"items"`
}

var groupVersion = schema.GroupVersion{Group: "proxy.hiiretail.com", Version: "v1alpha1"}

func addToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(groupVersion, &TenantProxy{}, &TenantProxyList{})
	v1.AddToGroupVersion(scheme, groupVersion)
	return nil
}

// DeepCopyObject is what controller-gen would write.
func (in *TenantProxy) DeepCopyObject() runtime.Object {
	out := *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	if in.Status.Conditions != nil {
		out.Status.Conditions = make([]v1.Condition, len(in.Status.Conditions))
		copy(out.Status.Conditions, in.Status.Conditions)
	}
	return &out
}

// DeepCopyObject is what controller-gen would write.
func (in *TenantProxyList) DeepCopyObject() runtime.Object {
	out := *in
	in.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]TenantProxy, len(in.Items))
	for i := range in.Items {
		out.Items[i] = *in.Items[i].DeepCopyObject().(*TenantProxy)
	}
	return &out
}
