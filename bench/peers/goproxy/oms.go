package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	maxAnswer    = 1 << 20
	idleTimeout  = 90 * time.Second
	tokenTimeout = 3 * time.Second
)

// oms is the order management system of the tenant.
type oms struct {
	url     string
	tenant  []string
	basic   []string
	tokens  oauth2.TokenSource // instead of basic
	client  *http.Client
	metrics *metrics
}

func newOMS(given *config, to *metrics) (*oms, error) {
	transport := &http.Transport{
		MaxConnsPerHost: given.MaxConnections, MaxIdleConnsPerHost: given.MaxConnections, MaxIdleConns: given.MaxConnections,
		IdleConnTimeout: idleTimeout, DisableCompression: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
	if given.CA != "" {
		content, err := os.ReadFile(given.CA)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("%s: no certificate", given.CA)
		}
	}
	made := &oms{url: given.Upstream, tenant: []string{given.TenantID}, metrics: to, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if given.OAuth2 != nil {
		fetch := clientcredentials.Config{
			ClientID: given.OAuth2.ClientID, ClientSecret: given.OAuth2.ClientSecret, TokenURL: given.OAuth2.URL,
		}
		by := &http.Client{Transport: transport.Clone(), Timeout: tokenTimeout}
		made.tokens = fetch.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, by))
	} else {
		made.basic = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(given.Basic))}
	}
	return made, nil
}

// call asks the OMS, and returns the body of its 200.
func (o *oms) call(
	ctx context.Context, operation, method, path string, criteria []byte, from *http.Request, seen *observation,
) ([]byte, *problem) {
	var content io.Reader
	if criteria != nil {
		content = bytes.NewReader(criteria)
	}
	request, err := http.NewRequestWithContext(ctx, method, o.url+path, content)
	if err != nil {
		return nil, newProblem("upstream-error", "The OMS's URL is malformed.")
	}
	request.Header["Accept"] = jsonType
	request.Header["Tenant-Id"] = o.tenant
	request.Header["Correlation-Id"] = []string{seen.correlationID}
	if criteria != nil {
		request.Header["Content-Type"] = jsonType
	}
	if trace := from.Header.Get("Traceparent"); trace != "" && traceparent.MatchString(trace) {
		request.Header["Traceparent"] = []string{trace}
	}
	if failed := o.authorize(request); failed != nil {
		return nil, failed
	}
	begun := time.Now()
	status, kind, body, err := o.exchange(request)
	took := time.Since(begun)
	o.metrics.called(operation, took)
	seen.calls, seen.upstream, seen.upstreamStatus = 1, took, status
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, newProblem("upstream-timeout", "The OMS did not answer in time.")
	case err != nil && status != 0:
		return nil, newProblem("upstream-error", "The OMS sent no complete response (incomplete).").because("incomplete")
	case err != nil:
		return nil, newProblem("upstream-unreachable", "No connection to the OMS (connect).").because("connect")
	case status != http.StatusOK:
		return nil, refusedBy(operation, status)
	case !isJSON(kind):
		return nil, newProblem("upstream-error", "The OMS's answer is not application/json in UTF-8.").because("content-type")
	}
	return body, nil
}

func (o *oms) authorize(request *http.Request) *problem {
	if o.tokens == nil {
		request.Header["Authorization"] = o.basic
		return nil
	}
	token, err := o.tokens.Token()
	if err != nil {
		return newProblem("token-unavailable", "The token endpoint returned no token.")
	}
	token.SetAuthHeader(request)
	return nil
}

func (o *oms) exchange(request *http.Request) (status int, kind string, body []byte, err error) {
	response, err := o.client.Do(request)
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	status, kind = response.StatusCode, response.Header.Get("Content-Type")
	switch size := response.ContentLength; {
	case size > maxAnswer:
		return status, kind, nil, errors.New("too large")
	case size >= 0:
		body = make([]byte, size)
		_, err = io.ReadFull(response.Body, body)
	default:
		if body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)); len(body) > maxAnswer {
			err = errors.New("too large")
		}
	}
	return status, kind, body, err
}

func isJSON(kind string) bool {
	if kind == "application/json" || strings.EqualFold(kind, "application/json; charset=utf-8") {
		return true
	}
	media, parameters, err := mime.ParseMediaType(kind)
	charset, given := parameters["charset"]
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) &&
		(!given || strings.EqualFold(charset, "utf-8"))
}

func refusedBy(operation string, status int) *problem {
	reason := fmt.Sprintf("status-%d", status)
	detail := fmt.Sprintf("The OMS answered %d.", status)
	switch {
	case status == 404 && operation == "getOrder":
		return newProblem("order-not-found", "The OMS knows no such order.")
	case status == 400 && operation == "searchOrders":
		return newProblem("search-rejected", "The OMS refused the search's criteria.")
	case status == 401:
		return newProblem("upstream-rejected-credentials", detail).because(reason)
	case status == 403:
		return newProblem("upstream-forbidden", detail).because(reason)
	case status >= 500:
		return newProblem("upstream-error", detail).because(reason)
	}
	return newProblem("upstream-contract", fmt.Sprintf("The OMS answered %d, which is not in the contract.", status)).because(reason)
}
