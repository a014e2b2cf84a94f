package main

import (
	"slices"
	"strconv"
	"time"
)

// samples is what one connection has seen while it was measured.
type samples struct {
	ok, overloaded, sent []time.Duration // sent: from when it was sent, not from when it was due
	other                map[string]int
	errors               map[string]int
	good                 int // answers of 200 that came within the measured time, whenever they were asked for
}

func (s *samples) add(status int, err error, latency, sinceSent time.Duration) {
	switch {
	case err != nil:
		count(&s.errors, kind(err))
	case status == 200:
		s.ok = append(s.ok, latency)
		s.sent = append(s.sent, sinceSent)
	case status == 503:
		s.overloaded = append(s.overloaded, latency)
	default:
		count(&s.other, strconv.Itoa(status))
	}
}

func count(of *map[string]int, name string) {
	if *of == nil {
		*of = map[string]int{}
	}
	(*of)[name]++
}

// latencies are in seconds.
type latencies struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// found is what a group has seen.
type found struct {
	Name        string         `json:"name"`
	Goodput     float64        `json:"goodput"`       // answers of 200 a second
	OK          latencies      `json:"ok"`            // of the answers of 200, from when they were due
	OKSinceSent latencies      `json:"ok_since_sent"` // the same from when they were sent
	Overloaded  latencies      `json:"overloaded"`    // of the answers of 503
	Other       map[string]int `json:"other"`         // answers of other statuses
	Errors      map[string]int `json:"errors"`        // requests without an answer
	Arrivals    int64          `json:"arrivals"`      // requests that were due; closed loop: 0
	Dropped     int64          `json:"dropped"`       // of these, found no room to wait
	Unsent      int64          `json:"unsent"`        // of these, still waited at the end
	Reconnects  int            `json:"reconnects"`
}

// report says what was measured; `cpu` is seconds of this process, then of those that were watched.
func report(todo *plan, runs []*run, cpu []float64) map[string]any {
	groups := []found{}
	for _, each := range runs {
		groups = append(groups, each.found(todo.Seconds))
	}
	return map[string]any{"seconds": todo.Seconds, "groups": groups, "cpu": cpu}
}

func (r *run) found(over float64) found {
	var all samples
	result := found{Name: r.Name, Other: map[string]int{}, Errors: map[string]int{}}
	for index := range r.samples {
		one := &r.samples[index]
		all.ok = append(all.ok, one.ok...)
		all.sent = append(all.sent, one.sent...)
		all.overloaded = append(all.overloaded, one.overloaded...)
		all.good += one.good
		for name, times := range one.other {
			result.Other[name] += times
		}
		for name, times := range one.errors {
			result.Errors[name] += times
		}
		result.Reconnects += max(0, r.clients[index].opened-1)
	}
	result.Goodput = float64(all.good) / over
	result.OK, result.OKSinceSent, result.Overloaded = summary(all.ok), summary(all.sent), summary(all.overloaded)
	result.Arrivals, result.Dropped, result.Unsent = r.arrivals, r.dropped, r.unsent
	return result
}

// summary gives exact percentiles: the smallest value that so many are not above (nearest rank).
func summary(of []time.Duration) latencies {
	if len(of) == 0 {
		return latencies{}
	}
	slices.Sort(of)
	var sum time.Duration
	for _, one := range of {
		sum += one
	}
	rank := func(share float64) float64 {
		return of[min(len(of)-1, max(0, int(share*float64(len(of))+0.999999)-1))].Seconds()
	}
	return latencies{
		Count: len(of), Mean: sum.Seconds() / float64(len(of)),
		P50: rank(0.5), P99: rank(0.99), P999: rank(0.999), Max: of[len(of)-1].Seconds(),
	}
}
