//! The socket or stream on which a [probe](super::probe) talks to a server.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};
use tokio_rustls::TlsConnector;

use crate::{diagnose::ServerFailure, ice_url::IceUrl};

/// The length of the header of a STUN message (RFC 8489).
const HEADER_LEN: usize = 20;

/// A connection over TCP or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A socket or a stream.
pub(super) enum Carrier {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

impl Carrier {
    /// Connects to a server in the way that its URL names.
    pub(super) async fn open(
        url: &IceUrl<'_>,
        address: SocketAddr,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, ServerFailure> {
        let unreachable = |error: io::Error| ServerFailure::NoAnswer(error.to_string());
        if !url.is_tcp {
            return datagrams(address).await.map_err(unreachable);
        }
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        if !url.is_secure {
            return Ok(Self::Stream(Box::new(stream)));
        }
        let insecure = |error: String| {
            let reason =
                format!("TLS is not possible, probably because of its certificate: {error}");
            ServerFailure::Useless(reason)
        };
        let name = ServerName::try_from(url.host.to_owned());
        let name = name.map_err(|error| insecure(error.to_string()))?;
        match TlsConnector::from(tls).connect(name, stream).await {
            Ok(stream) => Ok(Self::Stream(Box::new(stream))),
            Err(error) => Err(insecure(error.to_string())),
        }
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => socket.send(message).await.map(drop),
            Self::Stream(stream) => {
                stream.write_all(message).await?;
                stream.flush().await
            }
        }
    }

    /// Receives one message and returns its length.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Datagrams(socket) => socket.recv(buffer).await,
            Self::Stream(stream) => {
                let too_long = || io::Error::other("its answer is too long");
                let header = buffer.get_mut(..HEADER_LEN).ok_or_else(too_long)?;
                stream.read_exact(header).await?;
                let len = HEADER_LEN + usize::from(u16::from_be_bytes([header[2], header[3]]));
                let body = buffer.get_mut(HEADER_LEN..len).ok_or_else(too_long)?;
                stream.read_exact(body).await?;
                Ok(len)
            }
        }
    }
}

async fn datagrams(address: SocketAddr) -> io::Result<Carrier> {
    let any = match address.is_ipv4() {
        true => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        false => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(Carrier::Datagrams(socket))
}
