package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	bufferBytes = 16 << 10
	opening     = 64 // connections that are opened at a time
	afterError  = 10 * time.Millisecond
)

// clock is when a run counts; all of it is known before the first request.
type clock struct {
	begin, from, to, end time.Time
}

// runPlan opens all connections, runs the groups side by side, and writes what was measured.
func runPlan(from io.Reader, to io.Writer) error {
	todo, err := readPlan(from)
	if err != nil {
		return err
	}
	// Who keeps the time of arrivals sleeps in the kernel, which is exact; the others need a processor meanwhile.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	runs := make([]*run, len(todo.Groups))
	for index := range todo.Groups {
		runs[index] = newRun(&todo.Groups[index], todo.Address)
	}
	for _, each := range runs {
		each.open()
	}
	begin := time.Now()
	measured := begin.Add(seconds(todo.Warmup))
	times := clock{begin: begin, from: measured, to: measured.Add(seconds(todo.Seconds))}
	times.end = times.to.Add(seconds(todo.Grace))
	var all sync.WaitGroup
	for _, each := range runs {
		all.Go(func() { each.drive(times) })
	}
	answered := make(chan struct{})
	used := make(chan []float64)
	go func() { used <- cpuUsed(append([]int{os.Getpid()}, todo.Watched...), times, answered) }()
	all.Wait()
	close(answered)
	return json.NewEncoder(to).Encode(report(todo, runs, <-used))
}

// run is one group under way.
type run struct {
	*group
	clients  []*client
	samples  []samples // of each client
	left     atomic.Int64
	turn     atomic.Uint64
	dropped  int64 // arrivals that found no room to wait
	unsent   int64 // arrivals that were still waiting at the end
	arrivals int64
}

func newRun(of *group, address string) *run {
	made := &run{group: of, samples: make([]samples, of.Connections)}
	made.left.Store(1 << 62)
	if of.Count > 0 {
		made.left.Store(of.Count)
	}
	for range of.Connections {
		made.clients = append(made.clients, &client{
			address: address, timeout: seconds(of.Timeout), buffer: make([]byte, bufferBytes),
		})
	}
	return made
}

// open opens all connections; one that can't be is tried again with its first request.
func (r *run) open() {
	var all sync.WaitGroup
	places := make(chan struct{}, opening)
	for _, each := range r.clients {
		places <- struct{}{}
		all.Go(func() {
			each.connect()
			<-places
		})
	}
	all.Wait()
}

func (r *run) drive(times clock) {
	var all sync.WaitGroup
	due := make(chan time.Time, r.Waiting)
	workers := len(r.clients)
	if r.AtATime > 0 {
		workers = r.AtATime
	}
	for first := range workers {
		all.Go(func() {
			if r.Rate > 0 {
				for at := range due {
					if now := time.Now(); now.Before(times.to) {
						r.ask(first, at, now, times)
					} else if !at.Before(times.from) {
						atomic.AddInt64(&r.unsent, 1)
					}
				}
			} else {
				index := first
				for now := time.Now(); now.Before(times.to) && r.left.Add(-1) >= 0; now = time.Now() {
					r.ask(index, now, now, times)
					if index += workers; index >= len(r.clients) {
						index = first
					}
				}
			}
			for index := first; index < len(r.clients); index += workers {
				r.clients[index].close()
			}
		})
	}
	if r.Rate > 0 {
		r.arrive(due, times)
	}
	close(due)
	all.Wait()
}

// ask sends one request that was due at some time, and takes note of its answer.
func (r *run) ask(index int, due, now time.Time, times clock) {
	each := r.clients[index]
	turn := 0
	if len(r.raw) > 1 {
		turn = int(r.turn.Add(1) % uint64(len(r.raw)))
	}
	if limit := times.end.Sub(now); limit < seconds(r.Timeout) {
		each.timeout = limit
	}
	status, err := each.ask(r.raw[turn], r.lengths[turn], now)
	done := time.Now()
	if !due.Before(times.from) {
		r.samples[index].add(status, err, done.Sub(due), done.Sub(now))
	}
	if status == 200 && !done.Before(times.from) && done.Before(times.to) {
		r.samples[index].good++
	}
	if err != nil {
		time.Sleep(afterError)
	}
}

// arrive makes requests due at the group's rate, until the end.
func (r *run) arrive(due chan<- time.Time, times clock) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	random := rand.New(rand.NewPCG(r.Seed, 1))
	at := times.begin
	for r.left.Add(-1) >= 0 {
		gap := 1 / r.Rate
		if r.Arrivals == "poisson" {
			gap *= random.ExpFloat64()
		}
		at = at.Add(seconds(gap))
		if !at.Before(times.to) {
			return
		}
		if wait := time.Until(at); wait > 0 {
			pause := syscall.NsecToTimespec(int64(wait))
			syscall.Nanosleep(&pause, nil)
		}
		counts := !at.Before(times.from)
		if counts {
			r.arrivals++
		}
		select {
		case due <- at:
		default:
			if counts {
				r.dropped++
			}
		}
	}
}
