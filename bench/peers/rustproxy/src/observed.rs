//! What is told of requests: metrics, and a line of the log for each.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error,
    io::Write,
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use serde::Serialize;

use crate::problems::{Counted, Problem};

const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const MOST_ALIKE: u64 = 100;
const MOST_KINDS: usize = 32;

/// What is seen of a request on its way.
#[derive(Default)]
pub struct Observation {
    pub correlation_id: String,
    pub calls: u32,
    pub upstream: Duration,
    pub upstream_status: Option<u16>,
}

/// What requests have in common of which only so many lines are written in a second.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
struct Alike {
    route: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    time: String,
    level: &'static str,
    logger: &'static str,
    message: &'static str,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(flatten)]
    kind: &'a Alike,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_calls: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

struct Second {
    ends: Instant,
    seen: HashMap<Alike, u64>,
}

pub struct Observed {
    registry: Registry,
    requests: IntCounterVec,
    errors: IntCounterVec,
    refused: IntCounterVec,
    violated: IntCounterVec,
    durations: HistogramVec,
    upstream: HistogramVec,
    pub in_flight: IntGauge,
    tenant: String,
    log: Option<Mutex<Second>>,
}

impl Observed {
    pub fn new(tenant: &str, log: bool) -> Result<Self, Box<dyn Error>> {
        let labels = HashMap::from([("tenant".to_owned(), tenant.to_owned())]);
        let registry = Registry::new_custom(Some("tenantproxy".to_owned()), Some(labels))?;
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let histogram = |name: &str, help: &str, label: &str| -> prometheus::Result<HistogramVec> {
            let made = HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), &[label])?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let in_flight = IntGauge::new("requests_in_flight", "Requests being answered, until the response is sent.")?;
        registry.register(Box::new(in_flight.clone()))?;
        Ok(Self {
            requests: counter("requests_total", "Requests answered.", &["route", "code"])?,
            errors: counter("upstream_errors_total", "Calls of the OMS without a usable response.", &["reason"])?,
            refused: counter("rejected_requests_total", "Requests refused before the OMS was called.", &["reason"])?,
            violated: counter(
                "mapping_violations_total",
                "Violations of the contract in the OMS's answers.",
                &["pointer"],
            )?,
            durations: histogram("request_duration_seconds", "From the request's head to the answer.", "route")?,
            upstream: histogram("upstream_request_duration_seconds", "One call of the OMS.", "operation")?,
            in_flight,
            registry,
            tenant: tenant.to_owned(),
            log: log.then(|| Mutex::new(Second { ends: Instant::now(), seen: HashMap::new() })),
        })
    }

    pub fn page(&self) -> Response<Full<Bytes>> {
        let mut page = Vec::new();
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut page);
        Response::new(Full::new(page.into()))
    }

    pub fn called(&self, operation: &str, took: Duration) {
        self.upstream.with_label_values(&[operation]).observe(took.as_secs_f64());
    }

    pub fn ended(
        &self,
        method: &str,
        route: &'static str,
        status: u16,
        problem: Option<&Problem>,
        took: Duration,
        seen: &Observation,
    ) {
        let mut digits = [0; 3];
        let code =
            write!(&mut digits[..], "{status}").ok().and_then(|()| str::from_utf8(&digits).ok()).unwrap_or_default();
        self.requests.with_label_values(&[route, code]).inc();
        self.durations.with_label_values(&[route]).observe(took.as_secs_f64());
        match problem {
            Some(problem) if problem.kind.counted == Counted::Upstream => {
                self.errors.with_label_values(&[&*problem.reason]).inc();
                for each in &problem.errors {
                    self.violated.with_label_values(&[&each.pointer]).inc();
                }
            }
            Some(problem) if problem.kind.counted == Counted::Refused => {
                self.refused.with_label_values(&[&*problem.reason]).inc();
            }
            _ => (),
        }
        let Some(log) = &self.log else { return };
        let code = problem.map(|problem| problem.kind.code);
        let reason = problem.map(|problem| problem.reason.clone()).filter(|reason| Some(&**reason) != code);
        let mut kind = Alike { route, status: Some(status), code, reason };
        if !self.may_write(log, &mut kind) {
            return;
        }
        let called = seen.calls != 0;
        self.write(Line {
            method: Some(method),
            duration_ms: Some(millis(took)),
            upstream_status: seen.upstream_status,
            upstream_ms: called.then(|| millis(seen.upstream)),
            upstream_calls: called.then_some(seen.calls),
            correlation_id: Some(&seen.correlation_id),
            ..self.line("request", &kind)
        });
    }

    fn may_write(&self, log: &Mutex<Second>, kind: &mut Alike) -> bool {
        let mut second = log.lock().unwrap();
        let now = Instant::now();
        if now >= second.ends {
            for (kind, count) in second.seen.drain().filter(|(_, count)| *count > MOST_ALIKE) {
                self.write(Line { suppressed: Some(count - MOST_ALIKE), ..self.line("requests not logged", &kind) });
            }
            second.ends = now + Duration::from_secs(1);
        }
        if second.seen.len() >= MOST_KINDS && !second.seen.contains_key(kind) {
            *kind = Alike { route: "any", status: None, code: None, reason: None };
        }
        let count = second.seen.entry(kind.clone()).or_default();
        *count += 1;
        *count <= MOST_ALIKE
    }

    fn line<'a>(&'a self, message: &'static str, kind: &'a Alike) -> Line<'a> {
        Line {
            time: timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            level: "info",
            logger: "tenantproxy.request",
            message,
            tenant: &self.tenant,
            method: None,
            kind,
            suppressed: None,
            duration_ms: None,
            upstream_status: None,
            upstream_ms: None,
            upstream_calls: None,
            correlation_id: None,
        }
    }

    fn write(&self, line: Line) {
        if let Ok(mut text) = serde_json::to_vec(&line) {
            text.push(b'\n');
            let _ = std::io::stderr().lock().write_all(&text);
        }
    }
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e4).round() / 10.0
}

/// Returns a time of Unix as RFC 3339 has it, in UTC (Howard Hinnant's `civil_from_days`).
fn timestamp(since: Duration) -> String {
    let (days, seconds) = (since.as_secs() / 86_400 + 719_468, since.as_secs() % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}+00:00", since.subsec_millis())
}
