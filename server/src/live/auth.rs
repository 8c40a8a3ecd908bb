//! Who may connect: bearer tokens, plain or signed, and the origins of pages.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use syncline::protocol::ErrorCode;

use super::User;
use crate::Options;
use crate::failure::Failure;

/// Longer texts are no tokens.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What a right token says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The user that the token was made for.
    pub(crate) user: Option<User>,
    /// When the token ends, in milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Payload {
    sub: Option<String>,
    name: Option<String>,
    color: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

/// Whether the server asks for a token.
pub(crate) fn is_asked_for(options: &Options) -> bool {
    options.token.is_some() || options.token_secret.is_some()
}

/// The token in the header `Authorization`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then_some(token.trim())
}

/// What a token says, `None` standing for no token at all.
///
/// # Errors
/// `UNAUTHORIZED` or `TOKEN_EXPIRED`, when the server asks for a token and this isn't one.
pub(crate) fn check(options: &Options, token: Option<&str>) -> Result<Claims, Failure> {
    if !is_asked_for(options) {
        return Ok(Claims::default());
    }
    let message = "This server asks for a bearer token";
    let refused = || Failure::new(ErrorCode::Unauthorized, message);
    let token = token
        .filter(|token| token.len() <= MAX_TOKEN_BYTES)
        .ok_or_else(refused)?;
    if let Some(plain) = &options.token
        && same_bytes(token.as_bytes(), plain.as_bytes())
    {
        return Ok(Claims::default());
    }
    let secret = options.token_secret.as_deref().ok_or_else(refused)?;
    let payload = signed(token, secret.as_bytes()).ok_or_else(refused)?;
    let now = now_ms();
    if payload.nbf.is_some_and(|from| millis(from) > now) {
        return Err(refused());
    }
    let expires_at = payload.exp.map(millis);
    if expires_at.is_some_and(|end| end <= now) {
        let message = "The token has expired";
        return Err(Failure::new(ErrorCode::TokenExpired, message));
    }
    let user = payload
        .sub
        .and_then(|id| User::new(id, payload.name, payload.color));
    Ok(Claims { user, expires_at })
}

/// The payload of a JSON Web Token that was signed with the secret by HS256.
fn signed(token: &str, secret: &[u8]) -> Option<Payload> {
    let (content, signature) = token.rsplit_once('.')?;
    let (header, payload) = content.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != "HS256" {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(content.as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?)
        .ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

/// The time by the wall clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Compares in a time that depends on the length alone, so that a token can't be guessed bytewise.
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let difference = left
        .iter()
        .zip(right)
        .fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && difference == 0
}

/// A browser names the page's origin on every POST and on every WebSocket; other programs name
/// none. `loopback` lets pages of this machine in as well.
pub(crate) fn is_allowed_origin(headers: &HeaderMap, allowed: &[String], loopback: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, of_page)| host.is_some_and(|host| host.eq_ignore_ascii_case(of_page)));
    let configured = |other: &String| other.eq_ignore_ascii_case(origin);
    own || allowed.iter().any(configured) || (loopback && is_loopback(origin))
}

/// Whether an origin is of this machine, whatever its port.
pub(crate) fn is_loopback(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let local = ["localhost", "127.0.0.1", "[::1]"];
    matches!(scheme, "http" | "https")
        && (local.contains(&name) || name.strip_suffix(".localhost").is_some_and(is_host_name))
}

fn is_host_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !name.is_empty() && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_of_this_machine_are_loopback() {
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://127.0.0.1:8443",
            "http://[::1]:80",
            "http://demo.localhost:3000",
        ] {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://localhost.example.com",
            "http://example.com/localhost",
            "http://127.0.0.1.example.com",
            "http://evil.com@localhost",
            "http://evil.com/.localhost",
            "file://localhost",
            "http://localhost:5173.example.com",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }
}
