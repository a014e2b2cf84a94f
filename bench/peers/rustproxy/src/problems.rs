//! Answers other than success (RFC 9457).

use std::borrow::Cow;

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde::Serialize;

/// Which metric counts it.
#[derive(Clone, Copy, PartialEq)]
pub enum Counted {
    Upstream,
    Refused,
    Nowhere,
}

/// A row of the table.
pub struct Kind {
    pub code: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    pub counted: Counted,
}

macro_rules! kinds {
    ($($name:ident $status:ident $code:literal $title:literal $counted:ident;)*) => {
        $(pub const $name: Kind = Kind {
            code: $code, status: StatusCode::$status, title: $title, counted: Counted::$counted,
        };)*
    };
}

kinds! {
    MALFORMED_JSON BAD_REQUEST "malformed-json" "The body is not valid JSON" Refused;
    INVALID_ID BAD_REQUEST "invalid-id" "An id in the path has characters that ids can't have" Refused;
    INVALID_REQUEST BAD_REQUEST "invalid-request" "The body or the query has invalid fields" Refused;
    SEARCH_REJECTED BAD_REQUEST "search-rejected" "The order management system refused the search" Nowhere;
    UNAUTHENTICATED UNAUTHORIZED "unauthenticated" "A valid access token is required" Refused;
    WRONG_TENANT FORBIDDEN "wrong-tenant" "The request is for another tenant" Refused;
    ORDER_NOT_FOUND NOT_FOUND "order-not-found" "The order does not exist" Nowhere;
    METHOD_NOT_ALLOWED METHOD_NOT_ALLOWED "method-not-allowed" "This method is not served at this path" Refused;
    PAYLOAD_TOO_LARGE PAYLOAD_TOO_LARGE "payload-too-large" "The body is too large" Refused;
    UNSUPPORTED_MEDIA_TYPE UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body must be application/json" Refused;
    UPSTREAM_CONTRACT BAD_GATEWAY "upstream-contract" "The order management system's answer breaks the contract" Upstream;
    UPSTREAM_ERROR BAD_GATEWAY "upstream-error" "The order management system failed" Upstream;
    UPSTREAM_FORBIDDEN BAD_GATEWAY "upstream-forbidden" "The order management system refused access" Upstream;
    UPSTREAM_REJECTED BAD_GATEWAY "upstream-rejected-credentials" "The order management system rejected the credential" Upstream;
    UPSTREAM_UNREACHABLE BAD_GATEWAY "upstream-unreachable" "The order management system can't be reached" Upstream;
    OVERLOADED SERVICE_UNAVAILABLE "overloaded" "Too many requests are in flight" Refused;
    TOKEN_UNAVAILABLE SERVICE_UNAVAILABLE "token-unavailable" "No access token for the order management system is available now" Upstream;
    UPSTREAM_TIMEOUT GATEWAY_TIMEOUT "upstream-timeout" "The order management system took too long" Upstream;
}

#[derive(Serialize)]
pub struct Violation {
    pub pointer: String,
    pub detail: &'static str,
}

pub struct Problem {
    pub kind: Kind,
    pub detail: Cow<'static, str>,
    pub reason: Cow<'static, str>,
    pub errors: Vec<Violation>,
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let reason = Cow::Borrowed(kind.code);
        Self { kind, detail: detail.into(), reason, errors: Vec::new(), header: None }
    }

    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = reason.into();
        self
    }

    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.header = HeaderValue::from_str(value).ok().map(|value| (name, value));
        self
    }

    pub fn of(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        self
    }

    pub fn body(&self, correlation_id: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: &'a str,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
            #[serde(rename = "correlationId")]
            correlation_id: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [Violation],
        }
        serde_json::to_vec(&Document {
            r#type: "about:blank",
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            code: self.kind.code,
            correlation_id,
            errors: &self.errors,
        })
        .unwrap_or_default()
    }
}
