module tenantproxy.invalid/bench/peers/load

go 1.26.0
