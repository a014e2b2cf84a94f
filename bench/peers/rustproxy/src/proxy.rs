//! From a request to its answer.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use uuid::Uuid;

use crate::observed::{Observation, Observed};
use crate::oms::{CORRELATION_ID, JSON, Oms, TENANT_ID, is_json};
use crate::problems::*;
use crate::{Config, contract, mapped, tokens::Verifier};

const PREFIX: &str = "/api/v1/business-units/";
const MAX_SEARCH_BYTES: usize = 64 << 10;
const IN_FLIGHT_PER_CONNECTION: usize = 2;
/// For one of the places; then a request is refused.
const MAX_WAIT: Duration = Duration::from_millis(900);
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

enum Route<'a> {
    GetOrder { unit: &'a str, order: &'a str },
    SearchOrders { unit: &'a str },
    Other { allowed: &'static str },
}

pub struct Proxy {
    tenant: String,
    tokens: Option<Verifier>,
    oms: Oms,
    pub observed: Arc<Observed>,
    mapped: bool,
    /// Of requests that have begun.
    places: Semaphore,
}

impl Proxy {
    pub fn new(config: &Config) -> Result<Self, Box<dyn Error>> {
        let observed = Arc::new(Observed::new(&config.tenant_name, config.log)?);
        Ok(Self {
            tenant: config.tenant_id.clone(),
            tokens: if config.jwks.is_empty() { None } else { Some(Verifier::new(config)?) },
            oms: Oms::new(config, observed.clone())?,
            observed,
            mapped: config.mapped,
            places: Semaphore::new(config.max_connections * IN_FLIGHT_PER_CONNECTION),
        })
    }

    pub async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let begun = Instant::now();
        let mut seen = Observation { correlation_id: correlation(request.headers()), ..Observation::default() };
        let (parts, body) = request.into_parts();
        let route = route(&parts.method, parts.uri.path());
        let name = match route {
            Route::GetOrder { .. } => "getOrder",
            Route::SearchOrders { .. } => "searchOrders",
            Route::Other { .. } => "other",
        };
        self.observed.in_flight.inc();
        let outcome = match self.enter().await {
            Some(_place) => self.answer(route, &parts.headers, body, &mut seen).await,
            None => {
                let problem = Problem::new(OVERLOADED, "The proxy has too many requests in flight.");
                Err(problem.with(RETRY_AFTER, "1"))
            }
        };
        self.observed.in_flight.dec();
        let (status, kind, body, problem) = match outcome {
            Ok(body) => (StatusCode::OK, JSON, body, None),
            Err(problem) => (problem.kind.status, PROBLEM, problem.body(&seen.correlation_id), Some(problem)),
        };
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(CONTENT_LENGTH, body.len().into());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(&seen.correlation_id) {
            headers.insert(CORRELATION_ID, id);
        }
        if let Some((name, value)) = problem.as_ref().and_then(|problem| problem.header.clone()) {
            headers.insert(name, value);
        }
        *response.body_mut() = Full::new(body.into());
        self.observed.ended(parts.method.as_str(), name, status.as_u16(), problem.as_ref(), begun.elapsed(), &seen);
        response
    }

    /// Takes one of the places, for which a request waits before anything else is done for it.
    async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        match self.places.try_acquire() {
            Ok(place) => Some(place),
            Err(_) => timeout(MAX_WAIT, self.places.acquire()).await.ok()?.ok(),
        }
    }

    async fn answer(
        &self,
        route: Route<'_>,
        headers: &HeaderMap,
        body: Incoming,
        seen: &mut Observation,
    ) -> Result<Vec<u8>, Problem> {
        match route {
            Route::GetOrder { unit, order } => {
                self.authenticate(headers)?;
                check_ids(&[("businessUnitId", unit), ("customerOrderId", order)])?;
                let path = match self.mapped {
                    false => format!("/business-units/{unit}/customer-orders/{order}"),
                    true => format!("/rest/stores/{unit}/orders/{order}"),
                };
                let body = self.oms.call("getOrder", Method::GET, &path, None, headers, seen).await?;
                if self.mapped { mapped::get_order(&body, order) } else { contract::get_order(&body, order) }
            }
            Route::SearchOrders { unit } => {
                self.authenticate(headers)?;
                check_ids(&[("businessUnitId", unit)])?;
                let criteria = contract::criteria(&read(headers, body).await?)?;
                let path = match self.mapped {
                    false => format!("/business-units/{unit}/customer-orders:search"),
                    true => format!("/rest/stores/{unit}/orders/query"),
                };
                let body = self.oms.call("searchOrders", Method::POST, &path, Some(criteria), headers, seen).await?;
                if self.mapped { mapped::search_orders(&body) } else { contract::search_orders(&body) }
            }
            Route::Other { allowed } => {
                let problem = match allowed {
                    "" => Problem::new(
                        METHOD_NOT_ALLOWED,
                        "This path does not exist in proxy mode; orders are changed in the OMS itself.",
                    ),
                    _ => Problem::new(METHOD_NOT_ALLOWED, format!("This path accepts {allowed} only.")),
                };
                Err(problem.with(ALLOW, allowed))
            }
        }
    }

    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if let Some(tokens) = &self.tokens
            && !tokens.is_for(headers.get(AUTHORIZATION), &self.tenant)?
        {
            return Err(Problem::new(WRONG_TENANT, "The access token is for another tenant."));
        }
        match headers.get(TENANT_ID) {
            Some(named) if named != self.tenant.as_str() => {
                Err(Problem::new(WRONG_TENANT, "The header `Tenant-Id` names another tenant."))
            }
            _ => Ok(()),
        }
    }
}

fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let Some((unit, rest)) = path.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')) else {
        return Route::Other { allowed: "" };
    };
    match (rest, rest.strip_prefix("customer-orders/").filter(|order| !order.is_empty() && !order.contains('/'))) {
        ("customer-orders:search", _) if method == Method::POST => Route::SearchOrders { unit },
        ("customer-orders:search", _) => Route::Other { allowed: "POST" },
        (_, Some(order)) if method == Method::GET => Route::GetOrder { unit, order },
        (_, Some(_)) => Route::Other { allowed: "GET" },
        _ => Route::Other { allowed: "" },
    }
}

fn correlation(headers: &HeaderMap) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-".contains(byte);
    match headers.get(CORRELATION_ID).and_then(|given| given.to_str().ok()) {
        Some(given) if (1..=128).contains(&given.len()) && given.as_bytes().iter().all(is_plain) => given.to_owned(),
        _ => Uuid::new_v4().to_string(),
    }
}

fn check_ids(ids: &[(&str, &str)]) -> Result<(), Problem> {
    const RULE: &str = "must start with a letter or digit and have at most 128 of: letters, digits, . _ ~ : -";
    for (name, id) in ids {
        let bytes = id.as_bytes();
        let is_fine = bytes.len() <= 128
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._~:-".contains(byte));
        if !is_fine {
            let errors = vec![Violation { pointer: format!("/path/{name}"), detail: RULE }];
            return Err(Problem::new(INVALID_ID, format!("`{name}` {RULE}.")).of(errors));
        }
    }
    Ok(())
}

async fn read(headers: &HeaderMap, body: Incoming) -> Result<Bytes, Problem> {
    if !headers.get(CONTENT_TYPE).is_some_and(|kind| is_json(kind.as_bytes())) {
        return Err(Problem::new(UNSUPPORTED_MEDIA_TYPE, "Send uncompressed application/json in UTF-8."));
    }
    match Limited::new(body, MAX_SEARCH_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(Problem::new(PAYLOAD_TOO_LARGE, "The body is too large.")),
    }
}
