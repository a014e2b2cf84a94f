package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	fieldManager   = "tenantproxy-operator"
	hashAnnotation = "proxy.hiiretail.com/manifest-hash"
)

type reconciler struct {
	client   client.Client
	scheme   *runtime.Scheme
	template string
	seen     sync.Map
}

// Reconcile brings a tenant's children and its status to what they shall be.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var tenant TenantProxy
	if err := r.client.Get(ctx, request.NamespacedName, &tenant); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if tenant.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	children, err := r.render(&tenant)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, child := range children {
		if err := r.apply(ctx, &tenant, child); err != nil {
			return ctrl.Result{}, fmt.Errorf("%s %s: %w", child.GetKind(), child.GetName(), err)
		}
	}
	if err := r.report(ctx, &tenant); err != nil {
		return ctrl.Result{}, err
	}
	if _, known := r.seen.LoadOrStore(request.NamespacedName, true); !known {
		tenants.WithLabelValues("Unknown").Inc()
	}
	return ctrl.Result{}, nil
}

func (r *reconciler) render(tenant *TenantProxy) ([]*unstructured.Unstructured, error) {
	text := strings.NewReplacer(
		"zz-name-zz", tenant.Name, "zz-namespace-zz", tenant.Namespace, "zz-uid-zz", string(tenant.UID),
	).Replace(r.template)
	var list unstructured.UnstructuredList
	if err := list.UnmarshalJSON([]byte(text)); err != nil {
		return nil, err
	}
	children := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		children[i] = &list.Items[i]
	}
	return children, nil
}

// apply writes a child unless it is there and has all that is wanted of it.
func (r *reconciler) apply(ctx context.Context, tenant *TenantProxy, child *unstructured.Unstructured) error {
	key := client.ObjectKeyFromObject(child)
	if child.GetKind() == "Secret" {
		found := secretMetadata()
		if err := r.client.Get(ctx, key, found); !apierrors.IsNotFound(err) {
			return err
		}
		if err := r.client.Create(ctx, child, client.FieldOwner(fieldManager)); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		applied.WithLabelValues("Secret", "success").Inc()
		return nil
	}
	encoded, err := child.MarshalJSON()
	if err != nil {
		return err
	}
	hash := fnv.New64a()
	hash.Write(encoded)
	digest := fmt.Sprintf("%016x", hash.Sum64())
	wanted, err := r.typed(child)
	if err != nil {
		return err
	}
	found, err := r.typed(&unstructured.Unstructured{Object: map[string]any{"apiVersion": child.GetAPIVersion(), "kind": child.GetKind()}})
	if err != nil {
		return err
	}
	err = r.client.Get(ctx, key, found)
	if err == nil {
		if found.GetAnnotations()[hashAnnotation] == digest && derives(wanted, found) {
			return nil
		}
		if !metav1.IsControlledBy(found, tenant) {
			return fmt.Errorf("belongs to somebody else")
		}
	} else if !apierrors.IsNotFound(err) {
		return err
	}
	annotations := child.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[hashAnnotation] = digest
	child.SetAnnotations(annotations)
	if err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(child), client.FieldOwner(fieldManager), client.ForceOwnership); err != nil {
		return err
	}
	applied.WithLabelValues(child.GetKind(), "success").Inc()
	return nil
}

func (r *reconciler) typed(child *unstructured.Unstructured) (client.Object, error) {
	object, err := r.scheme.New(child.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	return object.(client.Object), runtime.DefaultUnstructuredConverter.FromUnstructured(child.Object, object)
}

// derives tells whether an object has all that is wanted of it; what the API server has added does not count.
func derives(wanted, found client.Object) bool {
	if !equality.Semantic.DeepDerivative(wanted.GetLabels(), found.GetLabels()) ||
		!equality.Semantic.DeepDerivative(wanted.GetOwnerReferences(), found.GetOwnerReferences()) {
		return false
	}
	// All else: with the metadata of what was found.
	same := wanted.DeepCopyObject().(client.Object)
	copyMetadata(found, same)
	if deployment, ok := same.(*appsv1.Deployment); ok {
		deployment.Status = found.(*appsv1.Deployment).Status // DeepDerivative takes zero for a value here, too
		setProbeDefaults(&deployment.Spec.Template.Spec)
	}
	return equality.Semantic.DeepDerivative(same, found)
}

// setProbeDefaults sets what the API server sets, where DeepDerivative takes zero for a value.
func setProbeDefaults(pod *corev1.PodSpec) {
	for i := range pod.Containers {
		container := &pod.Containers[i]
		for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe, container.StartupProbe} {
			if probe != nil && probe.SuccessThreshold == 0 {
				probe.SuccessThreshold = 1
			}
		}
	}
}

func copyMetadata(from, to client.Object) {
	to.SetUID(from.GetUID())
	to.SetResourceVersion(from.GetResourceVersion())
	to.SetGeneration(from.GetGeneration())
	to.SetCreationTimestamp(from.GetCreationTimestamp())
	to.SetAnnotations(from.GetAnnotations())
	to.GetObjectKind().SetGroupVersionKind(from.GetObjectKind().GroupVersionKind())
}

// report writes the status where it differs.
func (r *reconciler) report(ctx context.Context, tenant *TenantProxy) error {
	available := metav1.Condition{Type: "Available", Status: "Unknown", Reason: "Pending", Message: "there is no ready proxy yet"}
	var deployment appsv1.Deployment
	key := types.NamespacedName{Namespace: tenant.Namespace, Name: tenant.Name + "-proxy"}
	if err := r.client.Get(ctx, key, &deployment); client.IgnoreNotFound(err) != nil {
		return err
	}
	if deployment.Status.ReadyReplicas > 0 {
		available = metav1.Condition{Type: "Available", Status: "True", Reason: "ProxiesReady", Message: "proxies serve"}
	}
	before := tenant.DeepCopyObject().(*TenantProxy)
	status := &tenant.Status
	conditions := []metav1.Condition{
		{Type: "Ready", Status: available.Status, Reason: available.Reason, Message: available.Message},
		{Type: "Accepted", Status: "True", Reason: "Accepted", Message: "all objects match the spec"},
		available,
		{Type: "CredentialsReady", Status: "False", Reason: "CredentialsMissing", Message: "the Secret is empty"},
		{Type: "Unique", Status: "True", Reason: "Unique", Message: "there is no other"},
	}
	for _, each := range conditions {
		each.ObservedGeneration = tenant.Generation
		meta.SetStatusCondition(&status.Conditions, each)
	}
	status.ObservedGeneration = tenant.Generation
	status.Endpoint = fmt.Sprintf("http://%s-proxy.%s.svc:8080", tenant.Name, tenant.Namespace)
	if equality.Semantic.DeepEqual(before.Status, tenant.Status) {
		return nil
	}
	patch := client.MergeFrom(before)
	if err := r.client.Status().Patch(ctx, tenant, patch, client.FieldOwner(fieldManager)); err != nil {
		return err
	}
	statusWrites.Inc()
	return nil
}
