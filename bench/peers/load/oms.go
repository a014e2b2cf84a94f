package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxHead = 16 << 10
	maxBody = 64 << 10
	maxOpen = 20_000
	// What is told of the OMS itself: connections, full and resumed handshakes, requests, tokens.
	countsPath = "GET /counts"
	refused    = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	notFound   = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
	rejected   = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
)

// oms answers what a file says, to who has the tenant's header and a credential: Basic or an access token that this
// OMS has issued at its token endpoint. What it has no answer for is not found; a request without the tenant is refused.
type oms struct {
	answers  map[string][]byte // by method and path
	tenant   string
	token    string // the path of the token endpoint
	issued   string // the one access token
	lifetime int    // of tokens, in seconds
	delay    time.Duration
	idle     time.Duration
	most     int // requests of a connection; 0: any number
	counts   counts
}

type counts struct {
	Connections, FullHandshakes, ResumedHandshakes, Requests, Tokens atomic.Int64
}

func serveOMS(arguments []string) error {
	flags := flag.NewFlagSet("oms", flag.ContinueOnError)
	listen := flags.String("listen", "", "HOST:PORT, of the loopback")
	answers := flags.String("answers", "", "a JSON file: bodies by `METHOD PATH`")
	tenant := flags.String("tenant", "", "the value of Tenant-Id that is needed")
	authority := flags.String("tls", "", "an empty directory: serve https (TLS 1.3), and write the CA there, as ca.pem")
	tickets := flags.Bool("tickets", true, "let sessions of TLS be resumed")
	made := oms{token: "POST /oauth2/token", issued: strings.Repeat("t", 64)}
	flags.IntVar(&made.lifetime, "token-lifetime", 3600, "seconds")
	flags.DurationVar(&made.delay, "delay", 0, "before each answer to a read")
	flags.DurationVar(&made.idle, "keep-alive", time.Minute, "how long an idle connection is kept")
	flags.IntVar(&made.most, "requests", 0, "of a connection, after which it is closed; 0: any number")
	forTime := flags.Duration("for", 30*time.Minute, "after which it ends")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if err := checkLoopback(*listen); err != nil {
		return err
	}
	if err := made.read(*answers); err != nil {
		return err
	}
	made.tenant = *tenant
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if *authority != "" {
		if listener, err = overTLS(listener, *authority, *tickets); err != nil {
			return err
		}
	}
	time.AfterFunc(*forTime, func() { os.Exit(3) })
	return made.serve(listener)
}

func (o *oms) read(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var bodies map[string]json.RawMessage
	if err := json.Unmarshal(content, &bodies); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	o.answers = map[string][]byte{}
	for name, body := range bodies {
		o.answers[name] = ok(body)
	}
	return nil
}

func ok(body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nDate: Sat, 14 Mar 2026 09:26:53 GMT\r\nServer: oms\r\n"+
		"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func (o *oms) serve(listener net.Listener) error {
	places := make(chan struct{}, maxOpen)
	for {
		places <- struct{}{}
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer func() { <-places }()
			defer conn.Close()
			o.converse(conn)
		}()
	}
}

// converse answers the requests of one connection, one after another.
func (o *oms) converse(conn net.Conn) {
	o.counts.Connections.Add(1)
	conn.SetDeadline(time.Now().Add(o.idle))
	if err := o.counts.handshake(conn); err != nil {
		return
	}
	reader := bufio.NewReaderSize(conn, maxHead)
	for served := 1; ; served++ {
		conn.SetDeadline(time.Now().Add(o.idle))
		head, body, err := readRequest(reader)
		if err != nil {
			if errors.Is(err, errHead) {
				io.WriteString(conn, refused)
			}
			return
		}
		answer, known := o.answer(head, body)
		if known && o.delay > 0 {
			time.Sleep(o.delay)
		}
		last := served == o.most
		if last {
			answer = bytes.Replace(answer, []byte("\r\n\r\n"), []byte("\r\nConnection: close\r\n\r\n"), 1)
		}
		if _, err := conn.Write(answer); err != nil || last {
			return
		}
	}
}

// readRequest returns a request's head, with the empty line, and its body.
func readRequest(reader *bufio.Reader) (head, body []byte, err error) {
	for end := -1; end < 0; {
		if _, err := reader.Peek(reader.Buffered() + 1); err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				return nil, nil, errHead
			}
			return nil, nil, err
		}
		seen, _ := reader.Peek(reader.Buffered())
		if end = bytes.Index(seen, []byte("\r\n\r\n")); end >= 0 {
			head = bytes.Clone(seen[:end+4])
		}
	}
	reader.Discard(len(head))
	if header(head, "transfer-encoding") != nil {
		return nil, nil, errHead
	}
	size := 0
	if given := header(head, "content-length"); given != nil {
		if size, err = strconv.Atoi(string(given)); err != nil || size < 0 || size > maxBody {
			return nil, nil, errHead
		}
	}
	body = make([]byte, size)
	_, err = io.ReadFull(reader, body)
	return head, body, err
}

// answer returns the answer to a request, and whether it was a read that may be made.
func (o *oms) answer(head, body []byte) ([]byte, bool) {
	line, _, _ := bytes.Cut(head, []byte(" HTTP/1.1\r\n"))
	switch string(line) {
	case o.token:
		return o.grant(head, body), false
	case countsPath:
		return o.counts.answer(), false
	}
	if string(header(head, "tenant-id")) != o.tenant {
		return []byte(refused), false
	}
	o.counts.Requests.Add(1)
	scheme, credential, _ := strings.Cut(string(header(head, "authorization")), " ")
	if scheme != "Basic" && (scheme != "Bearer" || credential != o.issued) {
		return []byte(rejected), false
	}
	if answer, known := o.answers[string(line)]; known {
		return answer, true
	}
	return []byte(notFound), true
}

// grant answers a request for a token, by client credentials that may be any.
func (o *oms) grant(head, body []byte) []byte {
	form, err := url.ParseQuery(string(body))
	basic := bytes.HasPrefix(header(head, "authorization"), []byte("Basic "))
	if err != nil || form.Get("grant_type") != "client_credentials" || !basic && form.Get("client_secret") == "" {
		return []byte(refused)
	}
	o.counts.Tokens.Add(1)
	return ok(fmt.Appendf(nil, `{"access_token":"%s","token_type":"Bearer","expires_in":%d}`, o.issued, o.lifetime))
}

func (c *counts) answer() []byte {
	return ok(fmt.Appendf(nil, `{"connections":%d,"full_handshakes":%d,"resumed_handshakes":%d,"requests":%d,"tokens":%d}`,
		c.Connections.Load(), c.FullHandshakes.Load(), c.ResumedHandshakes.Load(), c.Requests.Load(), c.Tokens.Load()))
}
