//! The store in Redis.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use redis::{Client, ConnectionAddr, ScriptInvocation};
use tokio::{net::lookup_host, time::timeout};
use tracing::info;
use uuid::Uuid;

use super::{
    Answer, Claim, Held, Lists, OtherList, ROOM_LIFETIME, Renewal, Store, Unavailable,
    connection::Connection, scripts::Scripts,
};
use crate::{
    config::{Cluster, Secret},
    directory::{InstanceId, MAX_LIST_BYTES, Version},
    error::ServerError,
    rooms::RoomKey,
};

/// The time in which Redis must answer a command.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The time in which Redis must receive or send lists of rooms.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of rooms in one script, so that it does not delay other instances.
const MAX_BATCH: usize = 256;

/// The characters that the names of rooms contain as they are.
const PLAIN: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The store of one instance.
#[derive(Debug)]
pub(crate) struct RedisStore {
    connection: Connection,
    /// The connection for lists of rooms. They can be long, and must not delay other operations.
    list_connection: Connection,
    scripts: Scripts,
    prefix: String,
    id: String,
    lease: Duration,
    address: Mutex<Option<SocketAddr>>,
    /// The port of the listener for other instances.
    port: u16,
    /// The secret of the cluster. Until Redis has answered, a random one.
    secret: Mutex<Secret>,
}

impl RedisStore {
    /// Creates the store of an instance that listens at `listening`. Does not connect.
    pub(crate) fn new(config: &Cluster, listening: SocketAddr) -> Result<Self, ServerError> {
        let client = Client::open(config.redis.expose()).map_err(|_| ServerError::RedisUrl)?;
        if let ConnectionAddr::TcpTls { .. } = client.get_connection_info().addr() {
            // The library uses the default of the process. An error means that there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let known = (!listening.ip().is_unspecified()).then_some(listening);
        let secret = [Uuid::new_v4(), Uuid::new_v4()].map(|half| half.simple().to_string());
        Ok(Self {
            connection: Connection::new(client.clone(), TIMEOUT),
            list_connection: Connection::new(client, LIST_TIMEOUT),
            scripts: Scripts::new(),
            prefix: config.prefix.clone(),
            id: Uuid::new_v4().simple().to_string(),
            lease: config.lease,
            address: Mutex::new(config.address.or(known)),
            port: listening.port(),
            secret: Mutex::new(Secret::new(secret.concat())),
        })
    }

    fn instances(&self) -> String {
        format!("{}instance:", self.prefix)
    }

    fn room(&self, key: &RoomKey) -> String {
        let [app, name] = [&key.app, &key.name].map(|name| utf8_percent_encode(name, &PLAIN));
        let next = key.next.map_or_else(String::new, |n| format!("?next={n}"));
        format!("{}room:{app}/{name}{next}", self.prefix)
    }

    fn lists(&self) -> String {
        format!("{}list:", self.prefix)
    }

    /// Returns the key of the versions of all lists.
    fn versions(&self) -> String {
        format!("{}lists", self.prefix)
    }

    fn value(&self, room: &Held) -> String {
        format!("{}:{}", self.id, room.epoch)
    }

    /// Returns the address where other instances reach this one.
    async fn address(&self) -> Result<SocketAddr, Unavailable> {
        let known = *lock(&self.address);
        if let Some(address) = known {
            return Ok(address);
        }
        let ip = local_ip(self.resolve().await?).map_err(|error| {
            Unavailable(format!(
                "cannot determine the address of this instance: {error}. Set --cluster-address"
            ))
        })?;
        let address = SocketAddr::new(ip, self.port);
        info!("the other instances reach this one at {address}");
        *lock(&self.address) = Some(address);
        Ok(address)
    }

    /// Returns an address of Redis.
    async fn resolve(&self) -> Result<SocketAddr, Unavailable> {
        let addr = self.connection.addr();
        let (host, port) = match addr {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host.as_str(), *port)
            }
            _ => return Err(self.connection.no_answer()),
        };
        let found = timeout(TIMEOUT, lookup_host((host, port))).await;
        let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let found = found.and_then(|mut found| found.next().ok_or(io::ErrorKind::NotFound.into()));
        found.map_err(|error| Unavailable(format!("cannot look up Redis at {addr}: {error}")))
    }

    /// Starts a script that compares the owners of rooms.
    fn with_owner<'a>(
        &self,
        script: &'a redis::Script,
        address: SocketAddr,
    ) -> ScriptInvocation<'a> {
        let mut call = script.arg(self.instances());
        call.arg(&self.id).arg(address.to_string());
        call
    }
}

impl Store for RedisStore {
    fn renew(&self) -> Answer<'_, Renewal> {
        Box::pin(async {
            let address = self.address().await?;
            let secret = lock(&self.secret).clone();
            let mut call = self.scripts.renew.key(self.instances() + &self.id);
            call.key(format!("{}secret", self.prefix))
                .key(self.lists() + &self.id)
                .arg(address.to_string())
                .arg(millis(self.lease))
                .arg(secret.expose());
            let (had_entry, secret): (bool, String) = self.connection.execute(&call).await?;
            let secret = Secret::new(secret);
            *lock(&self.secret) = secret.clone();
            Ok(Renewal {
                had_lapsed: !had_entry,
                secret,
            })
        })
    }

    fn claim<'a>(&'a self, room: &'a Held) -> Answer<'a, Claim> {
        Box::pin(async {
            let mut call = self.with_owner(&self.scripts.claim, self.address().await?);
            call.key(self.room(&room.key))
                .arg(room.epoch)
                .arg(millis(ROOM_LIFETIME));
            let answer: String = self.connection.execute(&call).await?;
            match answer.as_str() {
                "here" => Ok(Claim::Here),
                "lapsed" => Ok(Claim::Lapsed),
                there => Ok(Claim::There(parse(there)?)),
            }
        })
    }

    fn find<'a>(&'a self, key: &'a RoomKey) -> Answer<'a, Option<SocketAddr>> {
        Box::pin(async {
            let mut call = self.with_owner(&self.scripts.find, self.address().await?);
            call.key(self.room(key));
            let answer: Option<String> = self.connection.execute(&call).await?;
            answer.as_deref().map(parse).transpose()
        })
    }

    fn assert<'a>(&'a self, rooms: &'a [Held]) -> Answer<'a, Vec<usize>> {
        Box::pin(async {
            let address = self.address().await?;
            let mut conflicts = Vec::new();
            for (batch, start) in rooms.chunks(MAX_BATCH).zip((0..).step_by(MAX_BATCH)) {
                let mut call = self.with_owner(&self.scripts.assert, address);
                call.arg(millis(ROOM_LIFETIME));
                for room in batch {
                    call.key(self.room(&room.key)).arg(room.epoch);
                }
                let found: Vec<usize> = self.connection.execute(&call).await?;
                conflicts.extend(found.into_iter().map(|index| start + index));
            }
            Ok(conflicts)
        })
    }

    fn release<'a>(&'a self, rooms: &'a [Held]) -> Answer<'a, ()> {
        Box::pin(async {
            for batch in rooms.chunks(MAX_BATCH) {
                let mut call = self.scripts.release.prepare_invoke();
                for room in batch {
                    call.key(self.room(&room.key)).arg(self.value(room));
                }
                self.connection.execute::<()>(&call).await?;
            }
            Ok(())
        })
    }

    fn withdraw(&self) -> Answer<'_, ()> {
        Box::pin(async {
            let mut call = self.scripts.withdraw.key(self.instances() + &self.id);
            call.key(self.lists() + &self.id)
                .key(self.versions())
                .arg(&self.id);
            self.connection.execute(&call).await
        })
    }

    fn publish<'a>(&'a self, version: Version, json: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut call = self.scripts.publish.key(self.instances() + &self.id);
            call.key(self.lists() + &self.id)
                .key(self.versions())
                .arg(&self.id)
                .arg(version)
                .arg(millis(self.lease))
                .arg(json);
            self.list_connection.execute(&call).await
        })
    }

    fn lists<'a>(&'a self, known: &'a HashMap<InstanceId, Version>) -> Answer<'a, Lists> {
        Box::pin(async move {
            let mut call = self.scripts.lists.key(self.versions());
            call.arg(self.instances())
                .arg(self.lists())
                .arg(&self.id)
                .arg(MAX_LIST_BYTES);
            for (id, version) in known {
                call.arg(id).arg(version);
            }
            let found: Vec<(InstanceId, Version, Option<Vec<u8>>)> =
                self.list_connection.execute(&call).await?;
            let mut lists = Lists::default();
            for (id, version, json) in found {
                if id == self.id {
                    lists.own = Some(version);
                } else {
                    lists.others.push(OtherList { id, version, json });
                }
            }
            Ok(lists)
        })
    }
}

/// Returns the local address of connections to Redis.
fn local_ip(redis: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match redis {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Connecting a UDP socket sends nothing.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(redis)?;
    Ok(socket.local_addr()?.ip())
}

fn parse(address: &str) -> Result<SocketAddr, Unavailable> {
    let error = |_| Unavailable("the address of another instance is malformed".to_owned());
    address.parse().map_err(error)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
