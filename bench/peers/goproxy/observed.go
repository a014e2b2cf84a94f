package main

import (
	"context"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// metrics are those of a proxy that a read has to do with, under our names.
type metrics struct {
	registry                            *prometheus.Registry
	requests, errors, refused, violated *prometheus.CounterVec
	durations, upstream                 *prometheus.HistogramVec
}

func newMetrics(given *config, inFlight *atomic.Int64) *metrics {
	made := &metrics{registry: prometheus.NewRegistry()}
	by := prometheus.WrapRegistererWith(prometheus.Labels{"tenant": given.TenantName}, made.registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		each := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tenantproxy_" + name, Help: help}, labels)
		by.MustRegister(each)
		return each
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		each := prometheus.NewHistogramVec(
			prometheus.HistogramOpts{Name: "tenantproxy_" + name, Help: help, Buckets: buckets}, labels)
		by.MustRegister(each)
		return each
	}
	made.requests = counter("requests_total", "Requests answered.", "route", "code")
	made.errors = counter("upstream_errors_total", "Calls of the OMS without a usable response.", "reason")
	made.refused = counter("rejected_requests_total", "Requests refused before the OMS was called.", "reason")
	made.violated = counter("mapping_violations_total", "Violations of the contract in the OMS's answers.", "pointer")
	made.durations = histogram("request_duration_seconds", "From the request's head to the answer.", "route")
	made.upstream = histogram("upstream_request_duration_seconds", "One call of the OMS.", "operation")
	by.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tenantproxy_requests_in_flight", Help: "Requests being answered, until the response is sent.",
	}, func() float64 { return float64(inFlight.Load()) }))
	return made
}

func (m *metrics) answered(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) called(operation string, took time.Duration) {
	m.upstream.WithLabelValues(operation).Observe(took.Seconds())
}

func (m *metrics) count(failed *problem) {
	switch {
	case failed.kind.upstream:
		m.errors.WithLabelValues(failed.reason).Inc()
		for _, each := range failed.errors {
			m.violated.WithLabelValues(each.Pointer).Inc()
		}
	case failed.kind.counted:
		m.refused.WithLabelValues(failed.reason).Inc()
	}
}

const (
	mostAlike = 100
	mostKinds = 32
)

// alike is what requests have in common of which only so many lines are written in a second.
type alike struct {
	route, code, reason string
	status              int
}

type requestLog struct {
	to    *slog.Logger
	mutex sync.Mutex
	ends  time.Time
	seen  map[alike]int
}

func newRequestLog(to *slog.Logger) *requestLog {
	return &requestLog{to: to, seen: map[alike]int{}}
}

// lineHandler writes JSON lines with our names of time, level and message.
func lineHandler(to io.Writer) slog.Handler {
	return slog.NewJSONHandler(to, &slog.HandlerOptions{ReplaceAttr: func(groups []string, each slog.Attr) slog.Attr {
		switch each.Key {
		case slog.TimeKey:
			return slog.String("time", each.Value.Time().UTC().Format("2006-01-02T15:04:05.000-07:00"))
		case slog.LevelKey:
			return slog.String("level", strings.ToLower(each.Value.String()))
		case slog.MessageKey:
			each.Key = "message"
		}
		return each
	}})
}

func (l *requestLog) ended(
	method, route string, status int, failed *problem, took time.Duration, seen *observation,
) {
	kind := alike{route: route, status: status}
	if failed != nil {
		kind.code, kind.reason = failed.code, failed.reason
	}
	if !l.mayWrite(&kind) {
		return
	}
	fields := make([]slog.Attr, 0, 10)
	fields = append(fields, slog.String("method", method))
	fields = kind.append(fields)
	fields = append(fields, slog.Float64("durationMs", millis(took)))
	if seen.upstreamStatus != 0 {
		fields = append(fields, slog.Int("upstreamStatus", seen.upstreamStatus))
	}
	if seen.calls != 0 {
		fields = append(fields, slog.Float64("upstreamMs", millis(seen.upstream)), slog.Int("upstreamCalls", seen.calls))
	}
	fields = append(fields, slog.String("correlationId", seen.correlationID))
	l.to.LogAttrs(context.Background(), slog.LevelInfo, "request", fields...)
}

func (l *requestLog) mayWrite(kind *alike) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if now := time.Now(); !now.Before(l.ends) {
		for each, count := range l.seen {
			if count > mostAlike {
				fields := append(each.append(nil), slog.Int("suppressed", count-mostAlike))
				l.to.LogAttrs(context.Background(), slog.LevelInfo, "requests not logged", fields...)
			}
		}
		clear(l.seen)
		l.ends = now.Add(time.Second)
	}
	if _, known := l.seen[*kind]; !known && len(l.seen) >= mostKinds {
		*kind = alike{route: "any"}
	}
	l.seen[*kind]++
	return l.seen[*kind] <= mostAlike
}

func (a *alike) append(to []slog.Attr) []slog.Attr {
	to = append(to, slog.String("route", a.route))
	if a.status != 0 {
		to = append(to, slog.Int("status", a.status))
	}
	if a.code != "" {
		to = append(to, slog.String("code", a.code))
	}
	if a.reason != a.code {
		to = append(to, slog.String("reason", a.reason))
	}
	return to
}

func millis(took time.Duration) float64 {
	return math.Round(took.Seconds()*1e4) / 10
}
