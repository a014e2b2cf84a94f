// A proxy for one tenant that does the work of a read as ours does: the two routes and nothing else, tokens verified and
// cached, the OMS called over kept connections with Basic or an access token of OAuth2, its answer decoded, checked
// against the contract and encoded anew with amounts as they were sent, problems of RFC 9457, correlation ids, a bound
// of what is in flight, metrics, and a line of the log for each request. It has nothing of the rest: no PUT, no
// reloading, no circuit breaker, no egress policy, no paging, no rules of a mapping (mapped.go is one by hand).
//
// It is written as one would write it in Go: net/http, log/slog, client_golang, golang-jwt, x/oauth2. JSON is
// encoding/json (codec_v1.go), or with GOEXPERIMENT=jsonv2 encoding/json/v2 (codec_v2.go).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// config is what the benchmark writes for its peers.
type config struct {
	Listen         string `json:"listen"`
	Admin          string `json:"admin"`
	TenantID       string `json:"tenant_id"`
	TenantName     string `json:"tenant_name"`
	Upstream       string `json:"upstream"`
	CA             string `json:"ca"`     // a file; empty: those of the system
	Basic          string `json:"basic"`  // user:password
	OAuth2         *grant `json:"oauth2"` // instead of basic
	JWKS           string `json:"jwks"`   // a file; empty: an edge has verified the tokens
	Issuer         string `json:"issuer"`
	Audience       string `json:"audience"`
	Log            bool   `json:"log"`
	Mapped         bool   `json:"mapped"`
	MaxConnections int    `json:"max_connections"`
}

type grant struct {
	URL          string `json:"url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func main() {
	path := flag.String("config", "", "the file with the configuration")
	flag.Parse()
	if err := run(*path); err != nil {
		fmt.Fprintln(os.Stderr, "goproxy:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var given config
	if err := json.Unmarshal(content, &given); err != nil {
		return err
	}
	uuid.EnableRandPool()
	proxy, err := newProxy(&given)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	admin := http.NewServeMux()
	admin.Handle("/metrics", promhttp.HandlerFor(proxy.metrics.registry, promhttp.HandlerOpts{}))
	serve := func(address string, handler http.Handler) {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			failed <- err
			return
		}
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second,
			IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		}
		failed <- server.Serve(listener)
	}
	go serve(given.Admin, admin)
	go serve(given.Listen, proxy.routes())
	return <-failed
}
