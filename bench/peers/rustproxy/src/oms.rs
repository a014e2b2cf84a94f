//! The order management system of the tenant: kept connections, and the credential.

use std::{
    error::Error,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    body::{Body, Bytes, Incoming},
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use tokio::{
    sync::{Mutex, Semaphore},
    time::timeout,
};

use crate::problems::*;
use crate::{
    Config, Grant,
    observed::{Observation, Observed},
};

const MAX_ANSWER: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(5);
const TOKEN_PATIENCE: Duration = Duration::from_secs(3);
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);
pub const TENANT_ID: HeaderName = HeaderName::from_static("tenant-id");
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

enum Credential {
    Basic(HeaderValue),
    OAuth2 { grant: Grant, current: RwLock<Option<(HeaderValue, Instant)>>, fetching: Mutex<()> },
}

pub struct Oms {
    url: String,
    tenant: HeaderValue,
    credential: Credential,
    client: Https,
    connections: Semaphore,
    observed: Arc<Observed>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl Oms {
    pub fn new(config: &Config, observed: Arc<Observed>) -> Result<Self, Box<dyn Error>> {
        let mut roots = RootCertStore::empty();
        if !config.ca.is_empty() {
            for certificate in CertificateDer::pem_file_iter(&config.ca)? {
                roots.add(certificate?)?;
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(config.max_connections)
            .build(connector);
        let credential = match &config.oauth2 {
            None => Credential::Basic(sensitive(&format!("Basic {}", STANDARD.encode(&config.basic)))?),
            Some(grant) => Credential::OAuth2 {
                grant: Grant {
                    url: grant.url.clone(),
                    client_id: grant.client_id.clone(),
                    client_secret: grant.client_secret.clone(),
                },
                current: RwLock::new(None),
                fetching: Mutex::new(()),
            },
        };
        Ok(Self {
            url: config.upstream.clone(),
            tenant: HeaderValue::from_str(&config.tenant_id)?,
            credential,
            client,
            connections: Semaphore::new(config.max_connections),
            observed,
        })
    }

    /// Asks the OMS, and returns the body of its 200.
    pub async fn call(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        criteria: Option<Vec<u8>>,
        from: &HeaderMap,
        seen: &mut Observation,
    ) -> Result<Bytes, Problem> {
        let uri = Uri::try_from(format!("{}{path}", self.url)).map_err(|_| unreachable_oms())?;
        let authorization = self.authorization().await?;
        let mut request = Request::new(Full::new(criteria.clone().unwrap_or_default().into()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, JSON);
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(TENANT_ID, self.tenant.clone());
        if let Ok(id) = HeaderValue::from_str(&seen.correlation_id) {
            headers.insert(CORRELATION_ID, id);
        }
        if criteria.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        if let Some(trace) = from.get(TRACEPARENT).filter(|trace| is_traceparent(trace.as_bytes())) {
            headers.insert(TRACEPARENT, trace.clone());
        }
        let begun = Instant::now();
        let outcome = timeout(PATIENCE, self.exchange(request, seen)).await;
        (seen.calls, seen.upstream) = (1, begun.elapsed());
        self.observed.called(operation, seen.upstream);
        let (status, is_json, body) =
            outcome.map_err(|_| Problem::new(UPSTREAM_TIMEOUT, "The OMS did not answer in time."))??;
        if status != StatusCode::OK {
            return Err(refused(operation, status.as_u16()));
        }
        if !is_json {
            let detail = "The OMS's answer is not application/json in UTF-8.";
            return Err(Problem::new(UPSTREAM_ERROR, detail).because("content-type"));
        }
        Ok(body)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        seen: &mut Observation,
    ) -> Result<(StatusCode, bool, Bytes), Problem> {
        let _place = self.connections.acquire().await.map_err(|_| unreachable_oms())?;
        let response = self.client.request(request).await.map_err(|_| unreachable_oms())?;
        let status = response.status();
        seen.upstream_status = Some(status.as_u16());
        let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| is_json(kind.as_bytes()));
        let body = whole(response.into_body()).await.ok_or_else(|| {
            Problem::new(UPSTREAM_ERROR, "The OMS sent no complete response (incomplete).").because("incomplete")
        })?;
        Ok((status, is_json, body))
    }

    async fn authorization(&self) -> Result<HeaderValue, Problem> {
        let (grant, current, fetching) = match &self.credential {
            Credential::Basic(header) => return Ok(header.clone()),
            Credential::OAuth2 { grant, current, fetching } => (grant, current, fetching),
        };
        let usable = || {
            let current = current.read().unwrap();
            current.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(header, _)| header.clone())
        };
        if let Some(header) = usable() {
            return Ok(header);
        }
        let _one = fetching.lock().await;
        if let Some(header) = usable() {
            return Ok(header);
        }
        let unavailable = || Problem::new(TOKEN_UNAVAILABLE, "The token endpoint returned no token.");
        let answer = timeout(TOKEN_PATIENCE, self.fetch(grant)).await.ok().flatten().ok_or_else(unavailable)?;
        let header = sensitive(&format!("Bearer {}", answer.access_token)).map_err(|_| unavailable())?;
        let until = Instant::now() + Duration::from_secs(answer.expires_in).saturating_sub(BEFORE_EXPIRY);
        *current.write().unwrap() = Some((header.clone(), until));
        Ok(header)
    }

    async fn fetch(&self, grant: &Grant) -> Option<TokenAnswer> {
        let credential = STANDARD.encode(format!("{}:{}", grant.client_id, grant.client_secret));
        let request = Request::post(&grant.url)
            .header(AUTHORIZATION, format!("Basic {credential}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from("grant_type=client_credentials"))
            .ok()?;
        let response = self.client.request(request).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        serde_json::from_slice(&whole(response.into_body()).await?).ok()
    }
}

/// Reads a body of a bounded size; what comes in one piece is not copied.
async fn whole(mut body: Incoming) -> Option<Bytes> {
    if body.is_end_stream() {
        return Some(Bytes::new());
    }
    if body.size_hint().exact().is_some_and(|size| size <= MAX_ANSWER as u64) {
        let first = body.frame().await?.ok()?.into_data().ok()?;
        if body.is_end_stream() {
            return Some(first);
        }
        let mut all = Vec::with_capacity(first.len() + body.size_hint().lower() as usize);
        all.extend_from_slice(&first);
        while let Some(frame) = body.frame().await {
            all.extend_from_slice(&frame.ok()?.into_data().ok()?);
        }
        return Some(all.into());
    }
    Some(Limited::new(body, MAX_ANSWER).collect().await.ok()?.to_bytes())
}

fn sensitive(value: &str) -> Result<HeaderValue, hyper::header::InvalidHeaderValue> {
    let mut header = HeaderValue::from_str(value)?;
    header.set_sensitive(true);
    Ok(header)
}

pub fn is_json(kind: &[u8]) -> bool {
    let kind = str::from_utf8(kind).unwrap_or_default().to_ascii_lowercase();
    let (media, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
    let media = media.trim();
    let charset = parameters.trim().strip_prefix("charset=").map_or("utf-8", |charset| charset.trim_matches('"'));
    (media == "application/json" || media.starts_with("application/") && media.ends_with("+json")) && charset == "utf-8"
}

fn is_traceparent(value: &[u8]) -> bool {
    value.len() == 55
        && value.iter().enumerate().all(|(index, byte)| match index {
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn unreachable_oms() -> Problem {
    Problem::new(UPSTREAM_UNREACHABLE, "No connection to the OMS (connect).").because("connect")
}

fn refused(operation: &str, status: u16) -> Problem {
    let reason = format!("status-{status}");
    let detail = format!("The OMS answered {status}.");
    match status {
        404 if operation == "getOrder" => Problem::new(ORDER_NOT_FOUND, "The OMS knows no such order."),
        400 if operation == "searchOrders" => Problem::new(SEARCH_REJECTED, "The OMS refused the search's criteria."),
        401 => Problem::new(UPSTREAM_REJECTED, detail).because(reason),
        403 => Problem::new(UPSTREAM_FORBIDDEN, detail).because(reason),
        500.. => Problem::new(UPSTREAM_ERROR, detail).because(reason),
        _ => {
            let detail = format!("The OMS answered {status}, which is not in the contract.");
            Problem::new(UPSTREAM_CONTRACT, detail).because(reason)
        }
    }
}
