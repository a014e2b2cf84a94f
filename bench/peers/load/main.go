// What the benchmark's proxies stand between: clients that make load, and a fast OMS. Both are programs of their own
// in one binary, without other modules, so that neither is ever the bottleneck.
//
//	load run < PLAN.json     run a plan (plan.go), print what was measured as JSON (report.go)
//	load oms -listen …       serve as an OMS (oms.go)
//
// Only addresses of the loopback are accepted, and everything is bounded in time and number.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "run":
		err = runPlan(os.Stdin, os.Stdout)
	case len(os.Args) > 1 && os.Args[1] == "oms":
		err = serveOMS(os.Args[2:])
	default:
		err = fmt.Errorf("usage: %s run < PLAN.json | oms -listen ADDRESS …", os.Args[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// checkLoopback refuses every address but those of this machine's loopback, which are given as numbers.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s: only loopback addresses, such as 127.0.0.1, may be put under load", address)
	}
	return nil
}
