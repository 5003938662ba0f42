//! TLS on 127.0.0.1:443 with an authority made for this run, in front of the fake provider.

use crate::cage;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The door the tools knock at.
pub struct Front {
    /// Certificates to trust: the system's and our own authority's.
    pub bundle: PathBuf,
    /// Our own authority's alone.
    pub authority: PathBuf,
    behind: Arc<Mutex<Option<SocketAddr>>>,
}

impl Front {
    /// Opens the door; it lives as long as the program.
    pub fn open(home: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let (config, authority) = identity().map_err(|error| told(&error))?;
        let own = home.join("authority.pem");
        let bundle = home.join("bundle.pem");
        let system = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt");
        std::fs::write(&own, &authority).map_err(|error| told(&error))?;
        let all = format!("{}\n{authority}", system.unwrap_or_default());
        std::fs::write(&bundle, all).map_err(|error| told(&error))?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 443))
            .map_err(|error| format!("127.0.0.1:443: {error}"))?;
        listener.set_nonblocking(true).map_err(|error| told(&error))?;
        let behind = Arc::new(Mutex::new(None));
        let aim = Arc::clone(&behind);
        std::thread::spawn(move || serve(listener, config, &aim));
        Ok(Self { bundle, authority: own, behind })
    }

    /// From now on the door leads there.
    pub fn lead_to(&self, address: SocketAddr) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }
}

fn identity() -> Result<(ServerConfig, String), Box<dyn std::error::Error>> {
    let mut root = CertificateParams::new(Vec::<String>::new())?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    root.distinguished_name.push(DnType::CommonName, "Authority of this run");
    let root_key = KeyPair::generate()?;
    let authority = root.self_signed(&root_key)?;
    let names: Vec<String> = cage::HOSTS.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(root, root_key);
    let mut leaf = CertificateParams::new(names)?;
    // A name of its own: the same name as its issuer's would read as signed by itself.
    leaf.distinguished_name.push(DnType::CommonName, "The provider of this run");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &issuer)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, pem(authority.der())))
}

fn pem(der: &[u8]) -> String {
    let coded = STANDARD.encode(der);
    let lines: Vec<&str> =
        coded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn serve(listener: std::net::TcpListener, config: ServerConfig, aim: &Mutex<Option<SocketAddr>>) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let behind = *aim.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(behind) = behind {
                tokio::spawn(carry(acceptor.clone(), stream, behind));
            }
        }
    });
}

/// One connection: what comes deciphered goes to the provider, and back.
async fn carry(acceptor: TlsAcceptor, stream: TcpStream, behind: SocketAddr) {
    let Ok(mut outer) = acceptor.accept(stream).await else { return };
    let Ok(mut inner) = TcpStream::connect(behind).await else { return };
    let _ended = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
}
