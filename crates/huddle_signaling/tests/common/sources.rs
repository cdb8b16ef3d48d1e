//! Clients with a certain source address, or with certain headers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async,
    tungstenite::{Error, client::IntoClientRequest, http::HeaderName},
};

use super::{Client, TIMEOUT, closed};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Returns one of the many loopback addresses.
pub(crate) fn loopback(n: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, n).into()
}

/// Opens a TCP connection.
pub(crate) async fn tcp_from(source: IpAddr, addr: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(addr).await
}

/// Opens a WebSocket to a room, given as path and query.
pub(crate) async fn connect_from(
    source: IpAddr,
    addr: SocketAddr,
    room: &str,
    headers: &[(&str, &str)],
) -> Result<Socket, Error> {
    let mut request = format!("ws://{addr}{room}").into_client_request()?;
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let connected = timeout(TIMEOUT, async {
        let stream = tcp_from(source, addr).await?;
        client_async(request, MaybeTlsStream::Plain(stream)).await
    });
    let (socket, _) = connected.await.expect("the server did not answer")?;
    Ok(socket)
}

/// Joins a room with a source address.
pub(crate) async fn join_from(source: IpAddr, addr: SocketAddr, room: &str) -> Client {
    Client::new(connect_from(source, addr, room, &[]).await.unwrap()).await
}

/// Joins a room through a reverse proxy on the same machine, which forwards an address.
pub(crate) async fn join_forwarded(forwarded: &str, addr: SocketAddr, room: &str) -> Client {
    let headers = [("X-Forwarded-For", forwarded)];
    let socket = connect_from(loopback(1), addr, room, &headers).await;
    Client::new(socket.unwrap()).await
}

/// Returns the HTTP status and text with which the server refuses a WebSocket.
pub(crate) fn refusal(connected: Result<Socket, Error>) -> (u16, String) {
    match connected {
        Ok(_) => panic!("the server must refuse the client"),
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        Err(error) => panic!("the server must answer, but: {error}"),
    }
}

/// Returns the close code and reason with which the server refuses a client with extensions.
pub(crate) async fn close_refusal(connected: Result<Socket, Error>) -> (u16, String) {
    closed(&mut connected.unwrap()).await
}
