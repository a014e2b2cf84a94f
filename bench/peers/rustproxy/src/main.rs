//! A proxy for one tenant that does the work of a read as ours does, and nothing else (see `goproxy/main.go`), written
//! as one would write it in Rust: hyper, rustls, serde, tokio, jsonwebtoken, prometheus.

mod contract;
mod mapped;
mod observed;
mod oms;
mod problems;
mod proxy;
mod tokens;

use std::{convert::Infallible, error::Error, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpListener;

/// What the benchmark writes for its peers.
#[derive(Deserialize)]
pub struct Config {
    listen: String,
    admin: String,
    tenant_id: String,
    tenant_name: String,
    upstream: String,
    #[serde(default)]
    ca: String,
    #[serde(default)]
    basic: String,
    oauth2: Option<Grant>,
    #[serde(default)]
    jwks: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    audience: String,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    mapped: bool,
    max_connections: usize,
}

#[derive(Deserialize)]
pub struct Grant {
    url: String,
    client_id: String,
    client_secret: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = match (arguments.next().as_deref(), arguments.next()) {
        (Some("-config"), Some(path)) => path,
        _ => return Err("usage: rustproxy -config FILE".into()),
    };
    let config: Config = serde_json::from_slice(&std::fs::read(path)?)?;
    let proxy = Arc::new(proxy::Proxy::new(&config)?);
    let admin = TcpListener::bind(&config.admin).await?;
    let listener = TcpListener::bind(&config.listen).await?;
    let scraped = proxy.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = admin.accept().await {
            let scraped = scraped.clone();
            let answer = service_fn(move |_| {
                let page = scraped.observed.page();
                async move { Ok::<_, Infallible>(page) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10)).await; // no descriptors, for now
                continue;
            }
        };
        stream.set_nodelay(true)?;
        let proxy = proxy.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let proxy = proxy.clone();
                async move { Ok::<_, Infallible>(proxy.handle(request).await) }
            });
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(120))
                .max_buf_size(64 << 10)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}
