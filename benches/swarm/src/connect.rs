//! Opens WebSockets from many source addresses.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, bail};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpSocket,
};
use tokio_rustls::TlsConnector;

use crate::target::Target;

/// The maximum length of the head of the server's answer.
const MAX_HEAD: usize = 8 * 1024;

/// A connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A WebSocket, and the bytes that the server has sent after its answer.
pub(crate) struct Socket {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) received: Vec<u8>,
}

/// A server, and how to reach it.
#[derive(Clone)]
pub(crate) struct Route {
    target: Target,
    tls: Option<TlsConnector>,
}

/// Returns a connector that trusts the certificates of a file.
pub(crate) fn tls_connector(certificates: &Path) -> anyhow::Result<TlsConnector> {
    let pem = fs::read(certificates)
        .with_context(|| format!("cannot read {}", certificates.display()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Returns the source address of a client. Each client has its own, so that there is no lack of
/// ports, and the limits per address do not apply. macOS has only 127.0.0.1.
fn source(client: u32) -> Option<Ipv4Addr> {
    // 127.0.1.0 to 127.127.255.255
    let host = 0x100 + client % 0x7f_ff00;
    cfg!(target_os = "linux").then(|| Ipv4Addr::from(0x7f00_0000 | host))
}

impl Route {
    pub(crate) fn new(target: Target, tls: Option<TlsConnector>) -> anyhow::Result<Self> {
        let tls = match (target.tls, tls) {
            (true, None) => bail!(
                "pass the certificate of wss://{} with --ca FILE",
                target.addr
            ),
            (true, tls) => tls,
            (false, _) => None,
        };
        Ok(Self { target, tls })
    }

    /// Opens a WebSocket to a room, given as path and query. The number of the client determines
    /// its source address.
    pub(crate) async fn open(&self, client: u32, room: &str) -> anyhow::Result<Socket> {
        let Target { addr, .. } = self.target;
        let stream = match addr.ip() {
            IpAddr::V4(_) => {
                let socket = TcpSocket::new_v4()?;
                if let Some(source) = source(client) {
                    socket.bind((source, 0).into())?;
                }
                socket.connect(addr).await?
            }
            IpAddr::V6(_) => TcpSocket::new_v6()?.connect(addr).await?,
        };
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.connect(addr.ip().into(), stream).await?),
        };
        // The headers of a browser that matter to a server.
        let request = format!(
            "GET /{room} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
             Cache-Control: no-cache\r\nUser-Agent: huddle-swarm\r\nUpgrade: websocket\r\n\
             Origin: http://localhost\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let received = read_answer(&mut stream).await?;
        Ok(Socket { stream, received })
    }
}

/// Reads the head of the server's answer. Returns the bytes after it.
async fn read_answer(stream: &mut Box<dyn Stream>) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof))
                .context("the server closed the connection without an answer");
        }
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]);
            // The answer to the key above, from RFC 6455.
            let is_accepted =
                head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            if !is_accepted {
                bail!("the server refused a client: {}", refusal(&bytes));
            }
            return Ok(bytes.split_off(end + 4));
        }
        if bytes.len() > MAX_HEAD {
            bail!("the server's answer is too long: is it a signaling server?");
        }
    }
}

/// Returns the status and the text of an answer.
fn refusal(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let status = text.lines().next().unwrap_or_default();
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
    format!("{status}: {}", body.trim())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn clients_have_different_loopback_addresses() {
        let sources: HashSet<_> = (0..20_000).filter_map(source).collect();
        assert!(sources.is_empty() || sources.len() == 20_000);
        assert!(sources.iter().all(Ipv4Addr::is_loopback));
        assert!(source(u32::MAX).is_none_or(|source| source.is_loopback()));
    }
}
