package main

import "encoding/json"

// kind is a row of the table of problems.
type kind struct {
	status   int
	title    string
	upstream bool // counted as an error of the OMS, else as a request that was refused
	counted  bool
}

var kinds = map[string]kind{
	"malformed-json":                {400, "The body is not valid JSON", false, true},
	"invalid-id":                    {400, "An id in the path has characters that ids can't have", false, true},
	"invalid-request":               {400, "The body or the query has invalid fields", false, true},
	"search-rejected":               {400, "The order management system refused the search", false, false},
	"unauthenticated":               {401, "A valid access token is required", false, true},
	"wrong-tenant":                  {403, "The request is for another tenant", false, true},
	"order-not-found":               {404, "The order does not exist", false, false},
	"method-not-allowed":            {405, "This method is not served at this path", false, true},
	"payload-too-large":             {413, "The body is too large", false, true},
	"unsupported-media-type":        {415, "The body must be application/json", false, true},
	"upstream-contract":             {502, "The order management system's answer breaks the contract", true, true},
	"upstream-error":                {502, "The order management system failed", true, true},
	"upstream-forbidden":            {502, "The order management system refused access", true, true},
	"upstream-rejected-credentials": {502, "The order management system rejected the credential", true, true},
	"upstream-unreachable":          {502, "The order management system can't be reached", true, true},
	"overloaded":                    {503, "Too many requests are in flight", false, true},
	"token-unavailable":             {503, "No access token for the order management system is available now", true, true},
	"upstream-timeout":              {504, "The order management system took too long", true, true},
}

type violation struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// problem is an answer other than success.
type problem struct {
	code    string
	kind    kind
	detail  string
	reason  string // the finer cause, for metrics and the log
	errors  []violation
	headers map[string][]string
}

func newProblem(code, detail string) *problem {
	return &problem{code: code, kind: kinds[code], detail: detail, reason: code}
}

func (p *problem) because(reason string) *problem {
	p.reason = reason
	return p
}

func (p *problem) body(correlationID string) []byte {
	body, _ := json.Marshal(struct {
		Type          string      `json:"type"`
		Title         string      `json:"title"`
		Status        int         `json:"status"`
		Detail        string      `json:"detail"`
		Code          string      `json:"code"`
		CorrelationID string      `json:"correlationId"`
		Errors        []violation `json:"errors,omitempty"`
	}{"about:blank", p.kind.title, p.kind.status, p.detail, p.code, correlationID, p.errors})
	return body
}

var overloaded = &problem{
	code: "overloaded", kind: kinds["overloaded"], reason: "overloaded",
	detail: "The proxy has too many requests in flight.", headers: map[string][]string{"Retry-After": {"1"}},
}

func methodNotAllowed(allowed string) *problem {
	detail := "This path does not exist in proxy mode; orders are changed in the OMS itself."
	if allowed != "" {
		detail = "This path accepts " + allowed + " only."
	}
	failed := newProblem("method-not-allowed", detail)
	failed.headers = map[string][]string{"Allow": {allowed}}
	return failed
}
