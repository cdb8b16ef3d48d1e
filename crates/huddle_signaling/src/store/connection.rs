//! A connection to Redis that is opened again after an error.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, RedisError, ScriptInvocation,
    aio::MultiplexedConnection,
};
use tokio::{sync::Mutex, time::timeout};

use super::Unavailable;

/// The time in which Redis must accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to Redis.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    /// The time in which Redis must answer.
    limit: Duration,
    /// The current connection, and the number of connections so far.
    current: Mutex<(u64, Option<MultiplexedConnection>)>,
}

impl Connection {
    /// Does not connect.
    pub(super) fn new(client: Client, limit: Duration) -> Self {
        Self {
            client,
            limit,
            current: Mutex::default(),
        }
    }

    pub(super) fn addr(&self) -> &ConnectionAddr {
        self.client.get_connection_info().addr()
    }

    /// Executes a script. A connection on which that fails is not used again: after a partition, it
    /// could be silent for a long time.
    pub(super) async fn execute<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Unavailable> {
        let (number, mut connection) = self.connect().await?;
        let result = match timeout(self.limit, script.invoke_async(&mut connection)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Err(self.unavailable(&error)),
            Err(_) => Err(self.no_answer()),
        };
        let mut current = self.current.lock().await;
        if current.0 == number {
            current.1 = None;
        }
        result
    }

    /// Returns the current connection, or a new one, and its number.
    async fn connect(&self) -> Result<(u64, MultiplexedConnection), Unavailable> {
        let mut current = self.current.lock().await;
        let (number, connection) = &mut *current;
        if let Some(connection) = connection {
            return Ok((*number, connection.clone()));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(self.limit));
        let connect = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let new = timeout(2 * CONNECT_TIMEOUT, connect).await;
        let new = new
            .map_err(|_| self.no_answer())?
            .map_err(|error| self.unavailable(&error))?;
        *number += 1;
        *connection = Some(new.clone());
        Ok((*number, new))
    }

    pub(super) fn no_answer(&self) -> Unavailable {
        Unavailable(format!("Redis at {} does not answer", self.addr()))
    }

    fn unavailable(&self, error: &RedisError) -> Unavailable {
        Unavailable(format!("Redis at {}: {error}", self.addr()))
    }
}
