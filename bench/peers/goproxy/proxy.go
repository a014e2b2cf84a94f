package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	prefix          = "/api/v1"
	maxSearchBytes  = 64 << 10
	requestTimeout  = 5 * time.Second
	inFlightPerConn = 2
	maxWait         = 900 * time.Millisecond // for one of the places; then a request is refused
)

var (
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$`)
	correlationID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	traceparent   = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// proxy answers the requests of one tenant's clients.
type proxy struct {
	tenant   string
	tokens   *verifier // nil: an edge has verified them
	oms      *oms
	metrics  *metrics
	log      *requestLog // nil: no lines
	inFlight atomic.Int64
	places   chan struct{} // of requests that have begun
	convert  conversion
}

// conversion makes our answers of the OMS's, and says where the OMS has them.
type conversion struct {
	getOrder     func(body []byte, orderID string) ([]byte, *problem)
	searchOrders func(body []byte) ([]byte, *problem)
	orderPath    func(unit, order string) string
	searchPath   func(unit string) string
}

// observation is what is seen of a request on its way.
type observation struct {
	correlationID  string
	calls          int
	upstream       time.Duration
	upstreamStatus int
}

func newProxy(given *config) (*proxy, error) {
	places := make(chan struct{}, inFlightPerConn*given.MaxConnections)
	made := &proxy{tenant: given.TenantID, places: places, convert: documented}
	if given.Mapped {
		made.convert = mapped
	}
	made.metrics = newMetrics(given, &made.inFlight)
	var err error
	if given.JWKS != "" {
		if made.tokens, err = newVerifier(given); err != nil {
			return nil, err
		}
	}
	if given.Log {
		made.log = newRequestLog(slog.New(lineHandler(os.Stderr)).With("logger", "tenantproxy.request", "tenant", given.TenantName))
	}
	made.oms, err = newOMS(given, made.metrics)
	return made, err
}

func (p *proxy) routes() http.Handler {
	order := prefix + "/business-units/{unit}/customer-orders/{order}"
	search := prefix + "/business-units/{unit}/customer-orders:search"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+order, p.handler("getOrder", p.getOrder))
	mux.HandleFunc("POST "+search, p.handler("searchOrders", p.searchOrders))
	mux.HandleFunc(order, p.handler("other", refuse(http.MethodGet)))
	mux.HandleFunc(search, p.handler("other", refuse(http.MethodPost)))
	mux.HandleFunc("/", p.handler("other", refuse("")))
	return mux
}

type answer func(r *http.Request, seen *observation) ([]byte, *problem)

func refuse(allowed string) answer {
	return func(*http.Request, *observation) ([]byte, *problem) { return nil, methodNotAllowed(allowed) }
}

// handler is what all requests have in common: a place, and what is told of them.
func (p *proxy) handler(route string, answered answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		p.inFlight.Add(1)
		defer p.inFlight.Add(-1)
		seen := observation{correlationID: correlation(r)}
		var body []byte
		var failed *problem
		if p.enter(r.Context()) {
			body, failed = answered(r, &seen)
			<-p.places
		} else {
			failed = overloaded
		}
		status := http.StatusOK
		header := w.Header()
		if failed != nil {
			p.metrics.count(failed)
			status = failed.kind.status
			body = failed.body(seen.correlationID)
			header["Content-Type"] = problemType
			for name, value := range failed.headers {
				header[name] = value
			}
		} else {
			header["Content-Type"] = jsonType
		}
		header["Correlation-Id"] = []string{seen.correlationID}
		header["Cache-Control"] = noStore
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.WriteHeader(status)
		w.Write(body)
		took := time.Since(begun)
		p.metrics.answered(route, status, took)
		if p.log != nil {
			p.log.ended(r.Method, route, status, failed, took, &seen)
		}
	}
}

// enter takes one of the places, for which a request waits before anything else is done for it.
func (p *proxy) enter(ctx context.Context) bool {
	select {
	case p.places <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case p.places <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

var (
	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
	noStore     = []string{"no-store"}
)

func correlation(r *http.Request) string {
	if given := r.Header.Get("Correlation-Id"); given != "" && correlationID.MatchString(given) {
		return given
	}
	return uuid.NewString()
}

func (p *proxy) getOrder(r *http.Request, seen *observation) ([]byte, *problem) {
	if failed := p.authenticate(r); failed != nil {
		return nil, failed
	}
	unit, order := r.PathValue("unit"), r.PathValue("order")
	if failed := checkIDs([2]string{"businessUnitId", unit}, [2]string{"customerOrderId", order}); failed != nil {
		return nil, failed
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	body, failed := p.oms.call(ctx, "getOrder", http.MethodGet, p.convert.orderPath(unit, order), nil, r, seen)
	if failed != nil {
		return nil, failed
	}
	return p.convert.getOrder(body, order)
}

func (p *proxy) searchOrders(r *http.Request, seen *observation) ([]byte, *problem) {
	if failed := p.authenticate(r); failed != nil {
		return nil, failed
	}
	unit := r.PathValue("unit")
	if failed := checkIDs([2]string{"businessUnitId", unit}); failed != nil {
		return nil, failed
	}
	criteria, failed := readCriteria(r)
	if failed != nil {
		return nil, failed
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	body, failed := p.oms.call(ctx, "searchOrders", http.MethodPost, p.convert.searchPath(unit), criteria, r, seen)
	if failed != nil {
		return nil, failed
	}
	return p.convert.searchOrders(body)
}

func (p *proxy) authenticate(r *http.Request) *problem {
	if p.tokens != nil {
		tenant, failed := p.tokens.tenant(r.Header.Get("Authorization"))
		if failed != nil {
			return failed
		}
		if tenant != p.tenant {
			return newProblem("wrong-tenant", "The access token is for another tenant.")
		}
	}
	if named, given := r.Header["Tenant-Id"]; given && named[0] != p.tenant {
		return newProblem("wrong-tenant", "The header `Tenant-Id` names another tenant.")
	}
	return nil
}

func checkIDs(ids ...[2]string) *problem {
	const rule = "must start with a letter or digit and have at most 128 of: letters, digits, . _ ~ : -"
	for _, id := range ids {
		if !idPattern.MatchString(id[1]) {
			failed := newProblem("invalid-id", "`"+id[0]+"` "+rule+".")
			failed.errors = []violation{{Pointer: "/path/" + id[0], Detail: rule}}
			return failed
		}
	}
	return nil
}

// readCriteria returns a search's criteria, checked and encoded anew.
func readCriteria(r *http.Request) ([]byte, *problem) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return nil, newProblem("unsupported-media-type", "Send uncompressed application/json in UTF-8.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxSearchBytes))
	if err != nil {
		return nil, newProblem("payload-too-large", "The body is too large.")
	}
	return checkedCriteria(body)
}
