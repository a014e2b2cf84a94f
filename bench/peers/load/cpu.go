package main

import (
	"syscall"
	"time"
	"unsafe"
)

// cpuUsed returns the seconds of CPU time that processes use while a run is measured; 0 of one that is gone.
// A run that has answered all that it may ends before its time.
func cpuUsed(processes []int, times clock, answered <-chan struct{}) []float64 {
	used := make([]float64, len(processes))
	for _, moment := range []struct {
		at   time.Time
		sign float64
	}{{times.from, -1}, {times.to, 1}} {
		select {
		case <-time.After(time.Until(moment.at)):
		case <-answered:
		}
		for index, process := range processes {
			used[index] += moment.sign * cpuTime(process)
		}
	}
	for index := range used {
		used[index] = max(0, used[index])
	}
	return used
}

// cpuTime returns the CPU time of all threads of a process so far.
func cpuTime(process int) float64 {
	var spent syscall.Timespec
	clock := uintptr(^process<<3 | 2) // Linux's MAKE_PROCESS_CPUCLOCK(process, CPUCLOCK_SCHED)
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&spent)), 0)
	return time.Duration(spent.Nano()).Seconds()
}
