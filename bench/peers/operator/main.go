// A minimal operator with controller-runtime that does what tenantproxy-operator does for a fleet: the same children
// for each TenantProxy, put back where somebody has edited them, and a status. What bench.scale measures beside ours.
//
// It is written as one would write it in Go for little memory and few calls: typed caches of what it owns, without
// managedFields; server-side apply of what differs, and of nothing else; no limit on its own requests. Its children are
// decoded from a template, which the benchmark has rendered with our own code, so that both write the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Beside the Secret, of which only the metadata is cached.
var owned = []client.Object{
	&corev1.ServiceAccount{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &corev1.ConfigMap{}, &networkingv1.NetworkPolicy{},
	&corev1.Service{}, &appsv1.ControllerRevision{}, &appsv1.Deployment{}, &autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{},
}

// Under the names that ours have, for the benchmark to read both.
var (
	statusWrites = prometheus.NewCounter(prometheus.CounterOpts{Name: "tenantproxy_operator_status_writes_total"})
	applied      = prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "tenantproxy_operator_apply_total"}, []string{"kind", "result"})
	tenants = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tenantproxy_operator_tenants"}, []string{"ready"})
)

func main() {
	kubeconfig := flag.String("file", "", "the kubeconfig")
	admin := flag.String("admin", "127.0.0.1:9090", "where /metrics and /readyz are served")
	children := flag.String("children", "", "the template of a tenant's children")
	flag.Parse()
	if err := run(*kubeconfig, *admin, *children); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, admin, children string) error {
	log.SetLogger(zap.New())
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	template, err := os.ReadFile(children)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, addToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	metrics.Registry.MustRegister(statusWrites, applied, tenants)
	ours := labels.SelectorFromSet(labels.Set{"app.kubernetes.io/managed-by": fieldManager})
	selected := map[client.Object]cache.ByObject{}
	for _, each := range append([]client.Object{secretMetadata()}, owned...) {
		selected[each] = cache.ByObject{Label: ours}
	}
	operator, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Metrics: metricsserver.Options{
			BindAddress:   admin,
			ExtraHandlers: map[string]http.Handler{"/readyz": http.HandlerFunc(answerReady)},
		},
		Cache: cache.Options{ByObject: selected, DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return err
	}
	// Started once the caches are filled.
	started := manager.RunnableFunc(func(ctx context.Context) error {
		ready.Store(true)
		<-ctx.Done()
		return nil
	})
	if err := operator.Add(started); err != nil {
		return err
	}
	reconciler := &reconciler{client: operator.GetClient(), scheme: scheme, template: string(template)}
	build := ctrl.NewControllerManagedBy(operator).
		For(&TenantProxy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(secretMetadata(), builder.OnlyMetadata).
		WithOptions(controller.Options{MaxConcurrentReconciles: 16, NewQueue: newQueue})
	for _, each := range owned {
		build = build.Owns(each)
	}
	if err := build.Complete(reconciler); err != nil {
		return err
	}
	return operator.Start(ctrl.SetupSignalHandler())
}

var ready atomic.Bool

func answerReady(answer http.ResponseWriter, _ *http.Request) {
	if !ready.Load() {
		answer.WriteHeader(http.StatusServiceUnavailable)
	}
}

// newQueue makes the queue that controller-runtime makes by default, and a metric of its length.
func newQueue(
	name string, limiter workqueue.TypedRateLimiter[reconcile.Request],
) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	queue := priorityqueue.New(name, func(options *priorityqueue.Opts[reconcile.Request]) {
		options.RateLimiter = limiter
	})
	depth := prometheus.GaugeOpts{Name: "tenantproxy_operator_queue_depth"}
	metrics.Registry.MustRegister(prometheus.NewGaugeFunc(depth, func() float64 { return float64(queue.Len()) }))
	return queue
}

func secretMetadata() client.Object {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return secret
}
