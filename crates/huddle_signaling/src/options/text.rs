//! Values that are text in the configuration file, and explain their format if they are invalid.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use toml::Value;

/// Parses a number on the command line.
pub(crate) fn number<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "write a whole number, such as 64")
}

/// Parses an address on the command line.
pub(crate) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "write an address and a port, such as 127.0.0.1:3536 or [::]:3536")
}

/// A duration with a unit, for example `20s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "Value")]
pub(crate) struct Span(pub(crate) Duration);

const SPAN_FORMAT: &str =
    "write a number and a unit, such as \"20s\", \"500ms\", \"1h 30m\" or \"0s\"";

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let duration = humantime::parse_duration(text);
        duration.map(Self).map_err(|_| SPAN_FORMAT)
    }
}

impl TryFrom<Value> for Span {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        value.as_str().ok_or(SPAN_FORMAT)?.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// A network such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "IpNet", try_from = "Value")]
pub(crate) struct Network(pub(crate) IpNet);

const NETWORK_FORMAT: &str = "write a network such as \"10.0.0.0/8\", or one address";

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = |_| text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse().or_else(address);
        network.map(Self).map_err(|_| NETWORK_FORMAT)
    }
}

impl TryFrom<Value> for Network {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        value.as_str().ok_or(NETWORK_FORMAT)?.parse()
    }
}

impl From<Network> for IpNet {
    fn from(network: Network) -> Self {
        network.0
    }
}
