//! One HTTP client with bounds on everything: time, size, redirects. A provider that hangs must not hang us.

use crate::endpoints::{Endpoints, LOCAL_NAME};
use crate::failure::{FailureClass, ProviderError};
use crate::json::BODY_MAX;
use crate::retry_after::RetryAfter;
use http::{HeaderMap, header};
use reqwest::{RequestBuilder, Response, redirect, retry};
use sluice_engine::Utc;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::{Zeroize, Zeroizing};

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the last byte of the answer, connection included.
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(15) }
    }
}

/// The HTTP client of both providers; cheap to clone.
#[derive(Clone, Debug)]
pub struct Http(reqwest::Client);

/// An answer, read to its end within the bounds. Its bytes may be secret.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Http {
    /// A client for `endpoints`. With endpoints from the environment no proxy is used, so that a
    /// loopback address is never sent through one.
    ///
    /// # Errors
    /// [`ProviderError`] of class `network` when HTTPS cannot be set up at all. A machine without a
    /// certificate store is no error here; its HTTPS calls fail one by one.
    pub fn new(endpoints: &Endpoints, deadlines: Deadlines) -> Result<Self, ProviderError> {
        // Fails only when somebody installed a provider before; either will do.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let builder = || builder(endpoints, deadlines);
        let built = builder().build().or_else(|_| {
            // Without certificates no provider can be reached, but everything else can work.
            tracing::warn!(
                "no certificate store: every HTTPS call will fail until one is installed"
            );
            builder().tls_certs_only([]).build()
        });
        built.map(Self).map_err(|_| failure("setting up HTTPS", FailureClass::Network))
    }

    pub(crate) fn get(&self, url: reqwest::Url) -> RequestBuilder {
        self.0.get(url)
    }

    pub(crate) fn post(&self, url: reqwest::Url) -> RequestBuilder {
        self.0.post(url)
    }
}

fn builder(endpoints: &Endpoints, deadlines: Deadlines) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(deadlines.connect)
        .timeout(deadlines.total)
        // An endpoint that redirects is a captive portal or a mistake; a bearer follows neither.
        .redirect(redirect::Policy::none())
        .referer(false)
        // A token request sent twice is a reused token.
        .retry(retry::never())
        // Calls are minutes apart: a kept connection is a dead one, and costs memory.
        .pool_max_idle_per_host(0);
    if !endpoints.overridden {
        return builder;
    }
    // A name is only as good as who resolves it: this one means this machine, whatever is said.
    // The port is the address's own.
    let here = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    builder.no_proxy().resolve_to_addrs(LOCAL_NAME, &here.map(|ip| SocketAddr::new(ip, 0)))
}

/// Sends `request` and reads the whole answer.
pub(crate) async fn fetch(
    request: RequestBuilder,
    doing: &'static str,
) -> Result<Answer, ProviderError> {
    let mut response = request.send().await.map_err(|_| failure(doing, FailureClass::Network))?;
    let status = response.status().as_u16();
    tracing::debug!(doing, status, "answered");
    let headers = response.headers().clone();
    let body = match read_body(&mut response, doing, status).await {
        // A refusal whose body was cut off is still one, and may say how long to stay away.
        Err(_) if status >= 300 => Zeroizing::new(Vec::new()),
        body => body?,
    };
    Ok(Answer { status, headers, body })
}

async fn read_body(
    response: &mut Response,
    doing: &'static str,
    status: u16,
) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let broken = |class| ProviderError { status: Some(status), ..failure(doing, class) };
    // Reserved in one piece: growing would leave copies of a token behind.
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_MAX));
    while let Some(chunk) = response.chunk().await.map_err(|_| broken(FailureClass::Network))? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(broken(FailureClass::BadOutput));
        }
        body.extend_from_slice(&chunk);
        if let Ok(mut own) = chunk.try_into_mut() {
            own.as_mut().zeroize();
        }
    }
    Ok(body)
}

impl Answer {
    /// The `Retry-After` header; a date counts from the answer's own `Date`, so that a wrong clock
    /// here does not matter.
    pub(crate) fn retry_after(&self) -> Option<RetryAfter> {
        let value = self.headers.get(header::RETRY_AFTER)?;
        RetryAfter::parse(value.as_bytes(), self.sent_at())
    }

    /// When the provider answered, by its own clock where it says so.
    pub(crate) fn sent_at(&self) -> Utc {
        let date = self.headers.get(header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
        date.map_or_else(wall, |date| Utc::from_seconds(date.timestamp()))
    }
}

fn wall() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Utc::from_millis(since.map_or(0, |since| since.as_millis() as i64))
}

pub(crate) const fn failure(doing: &'static str, class: FailureClass) -> ProviderError {
    ProviderError { class, status: None, retry_after: None, doing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::dns::{Addrs, Name, Resolve, Resolving};
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Says of every name that it is another machine.
    struct Liar(Arc<AtomicUsize>);

    impl Resolve for Liar {
        fn resolve(&self, _: Name) -> Resolving {
            self.0.fetch_add(1, Ordering::SeqCst);
            let elsewhere: SocketAddr = "192.0.2.1:1".parse().unwrap();
            let addresses: Addrs = Box::new(std::iter::once(elsewhere));
            Box::pin(std::future::ready(Ok(addresses)))
        }
    }

    #[test]
    fn the_local_name_means_this_machine_whoever_resolves() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
        });
        let named = |name: &str| (name == "SLUICE_CLAUDE_API").then(|| address.clone());
        let endpoints = Endpoints::from_lookup(named).unwrap();
        let _already = rustls::crypto::ring::default_provider().install_default();
        let asked = Arc::new(AtomicUsize::new(0));
        let bounds = Deadlines { connect: Duration::from_secs(3), total: Duration::from_secs(5) };
        let client = builder(&endpoints, bounds)
            .tls_certs_only([])
            .dns_resolver(Arc::new(Liar(Arc::clone(&asked))))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async { client.get(endpoints.claude_api).send().await });
        assert_eq!(answer.map(|answer| answer.status().as_u16()).ok(), Some(204));
        assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody is asked what the name means");
        server.join().unwrap();
    }
}
