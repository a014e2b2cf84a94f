package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	maxConnections = 20_000
	maxSeconds     = 600
	maxRate        = 1_000_000
	maxWaiting     = 1_000_000
)

// plan is what is to be done: groups of clients that make load at the same time.
type plan struct {
	Address string  `json:"address"`
	Warmup  float64 `json:"warmup"`  // seconds before anything is counted
	Seconds float64 `json:"seconds"` // that are measured
	Grace   float64 `json:"grace"`   // seconds for the last answers; 5 if it is 0
	Groups  []group `json:"groups"`
	Watched []int   `json:"watched"` // processes, by id, whose CPU time is told, beside this one's
}

// group is some clients that are alike.
//
// Without a rate, each connection sends as soon as it is answered (closed loop), or another one does, where only so many
// may at a time. With one, requests come at that rate whatever the answers do (open loop): one that finds no free
// connection waits for one, and its latency is counted from the time when it was due.
type group struct {
	Name        string    `json:"name"`
	Connections int       `json:"connections"`
	Rate        float64   `json:"rate"`      // per second, in all
	Arrivals    string    `json:"arrivals"`  // poisson (the default) or even
	Waiting     int       `json:"waiting"`   // requests that may wait for a connection; more are dropped. 1 s of the rate if it is 0
	Timeout     float64   `json:"timeout"`   // seconds for an answer, and for a connection; 10 if it is 0
	AtATime     int       `json:"at_a_time"` // requests, of a closed loop, over connections by turns; one each if it is 0
	Count       int64     `json:"count"`     // requests at most; 0: as many as there is time for
	Seed        uint64    `json:"seed"`      // of Poisson's arrivals
	Requests    []request `json:"requests"`  // by turns
	raw         [][]byte
	lengths     []int
}

// request is what a client sends.
type request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Length  int               `json:"length"` // that the body of a 200 must have; 0: any
}

func readPlan(from io.Reader) (*plan, error) {
	decoder := json.NewDecoder(from)
	decoder.DisallowUnknownFields()
	var read plan
	if err := decoder.Decode(&read); err != nil {
		return nil, fmt.Errorf("the plan: %w", err)
	}
	if err := checkLoopback(read.Address); err != nil {
		return nil, err
	}
	if read.Grace == 0 {
		read.Grace = 5
	}
	if read.Seconds <= 0 || read.Warmup < 0 || read.Grace < 0 || read.Seconds+read.Warmup+read.Grace > maxSeconds {
		return nil, fmt.Errorf("seconds, warmup and grace: together at most %d, seconds above 0", maxSeconds)
	}
	connections := 0
	for index := range read.Groups {
		if err := read.Groups[index].prepare(); err != nil {
			return nil, fmt.Errorf("groups[%d]: %w", index, err)
		}
		connections += read.Groups[index].Connections
	}
	if connections == 0 || connections > maxConnections {
		return nil, fmt.Errorf("groups: 1 to %d connections in all", maxConnections)
	}
	return &read, nil
}

func (g *group) prepare() error {
	if g.Arrivals == "" {
		g.Arrivals = "poisson"
	}
	if g.Timeout == 0 {
		g.Timeout = 10
	}
	if g.Waiting == 0 {
		g.Waiting = max(1, int(min(g.Rate, maxWaiting)))
	}
	switch {
	case g.Connections < 1:
		return fmt.Errorf("connections: at least 1")
	case g.Rate < 0 || g.Rate > maxRate:
		return fmt.Errorf("rate: 0 to %d", maxRate)
	case g.Arrivals != "poisson" && g.Arrivals != "even":
		return fmt.Errorf("arrivals: poisson or even")
	case g.Waiting < 1 || g.Waiting > maxWaiting:
		return fmt.Errorf("waiting: 1 to %d", maxWaiting)
	case g.AtATime < 0 || g.AtATime > g.Connections || g.AtATime > 0 && g.Rate > 0:
		return fmt.Errorf("at_a_time: up to the number of connections, and without a rate")
	case g.Timeout < 0 || g.Timeout > maxSeconds:
		return fmt.Errorf("timeout: up to %d", maxSeconds)
	case len(g.Requests) == 0:
		return fmt.Errorf("requests: at least one")
	}
	for _, asked := range g.Requests {
		g.raw = append(g.raw, asked.bytes())
		g.lengths = append(g.lengths, asked.Length)
	}
	return nil
}

func (r *request) bytes() []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: proxy.example\r\n", r.Method, r.Path)
	for name, value := range r.Headers {
		fmt.Fprintf(&text, "%s: %s\r\n", name, value)
	}
	if r.Body != "" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(r.Body))
	}
	return []byte(text.String() + "\r\n" + r.Body)
}

func seconds(value float64) time.Duration {
	return time.Duration(value * float64(time.Second))
}
