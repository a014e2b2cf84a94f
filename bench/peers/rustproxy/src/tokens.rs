//! Access tokens of one issuer, verified once and then cached.

use std::{
    collections::HashMap,
    error::Error,
    sync::RwLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind, jwk::JwkSet};
use serde::Deserialize;

use crate::Config;
use crate::problems::{Problem, UNAUTHENTICATED};

const MAX_CACHED: usize = 4096;
const CLOCK_SKEW: u64 = 30;

#[derive(Deserialize)]
struct Claims {
    exp: u64,
    client_id: Option<String>,
}

pub struct Verifier {
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
    /// Tenant and expiry, by the header.
    cached: RwLock<HashMap<Vec<u8>, (String, Duration)>>,
}

impl Verifier {
    pub fn new(config: &Config) -> Result<Self, Box<dyn Error>> {
        let set: JwkSet = serde_json::from_slice(&std::fs::read(&config.jwks)?)?;
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            keys.insert(jwk.common.key_id.clone().unwrap_or_default(), DecodingKey::from_jwk(jwk)?);
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = CLOCK_SKEW;
        validation.validate_nbf = true;
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        Ok(Self { keys, validation, cached: RwLock::default() })
    }

    /// Checks that the token in a header is one for a tenant, and returns whether it is for this one.
    pub fn is_for(&self, authorization: Option<&HeaderValue>, tenant: &str) -> Result<bool, Problem> {
        let header = authorization.map_or(&b""[..], HeaderValue::as_bytes);
        if let Some((known, expires)) = self.cached.read().unwrap().get(header)
            && now() < *expires
        {
            return Ok(known == tenant);
        }
        let token = match str::from_utf8(header).unwrap_or_default().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => token.trim(),
            _ => {
                let problem = Problem::new(UNAUTHENTICATED, "Send an access token as `Authorization: Bearer`.");
                return Err(problem.because("no-token").with(WWW_AUTHENTICATE, "Bearer realm=\"customer-orders\""));
            }
        };
        let claims = self.verify(token).map_err(invalid)?;
        let known = tenant_of(claims.client_id.as_deref().unwrap_or_default()).ok_or(invalid("names no tenant"))?;
        let is_for = known == tenant;
        let mut cached = self.cached.write().unwrap();
        if cached.len() >= MAX_CACHED
            && let Some(any) = cached.keys().next().cloned()
        {
            cached.remove(&any);
        }
        cached.insert(header.to_vec(), (known, Duration::from_secs(claims.exp + CLOCK_SKEW)));
        Ok(is_for)
    }

    fn verify(&self, token: &str) -> Result<Claims, &'static str> {
        let unsigned = "is not signed by a key of its issuer";
        let id = decode_header(token).map_err(|_| "is not a JWT")?.kid.unwrap_or_default();
        let key = self.keys.get(&id).ok_or(unsigned)?;
        match decode::<Claims>(token, key, &self.validation) {
            Ok(verified) => Ok(verified.claims),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => Err("has expired"),
            Err(_) => Err(unsigned),
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Reads a client id: base64url of lines `key: value`, of which `tid` names the tenant.
fn tenant_of(client_id: &str) -> Option<String> {
    let lines = String::from_utf8(URL_SAFE_NO_PAD.decode(client_id.trim_end_matches('=')).ok()?).ok()?;
    let tenant = lines.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == "tid")?;
    Some(tenant.1.trim().to_owned())
}

fn invalid(why: &str) -> Problem {
    let challenge = format!("Bearer realm=\"customer-orders\", error=\"invalid_token\", error_description=\"{why}\"");
    let problem = Problem::new(UNAUTHENTICATED, format!("The access token {why}."));
    problem.because("invalid-token").with(WWW_AUTHENTICATE, &challenge)
}
