//! Breaking what connects two players.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::Write as _,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, bail};
use nix::unistd::Pid;

use crate::{child, family::family, player::Player};

/// Names in the local network are asked for there, which every machine may do.
const MDNS: u16 = 5353;

/// Drops what two players send to each other over the sockets that they have now, until it is itself dropped.
///
/// They notice nothing but silence, as when a router forgets a connection. Sockets opened later are not
/// affected, so a new link works at once.
pub struct Cut {
    table: String,
}

impl Cut {
    /// Begins to drop.
    ///
    /// # Errors
    /// If one of them has no UDP socket, or the kernel has no packet filter.
    pub fn between(a: &dyn Player, b: &dyn Player) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("inet huddle_cut_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (of_a, of_b) = (ports(a)?, ports(b)?);
        // Filtered on the way in: a sender must not be told.
        let rules = format!(
            "table {table} {{
                counter dropped {{}}
                chain arriving {{
                    type filter hook input priority filter;
                    udp sport {{ {of_a} }} udp dport {{ {of_b} }} counter name dropped drop
                    udp sport {{ {of_b} }} udp dport {{ {of_a} }} counter name dropped drop
                }}
            }}"
        );
        nft(&["-f", "-"], &rules)?;
        Ok(Self { table })
    }

    /// How many packets it has dropped.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn dropped(&self) -> anyhow::Result<u64> {
        let told = nft(&["list", "table", &self.table], "")?;
        told.split_whitespace()
            .skip_while(|word| *word != "packets")
            .nth(1)
            .and_then(|count| count.parse().ok())
            .with_context(|| format!("nft counts nothing: {told}"))
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        // Without it the network of this run is over anyway.
        let _ = nft(&["delete", "table", &self.table], "");
    }
}

/// The UDP ports that a player has, listed.
fn ports(player: &dyn Player) -> anyhow::Result<String> {
    let ports = udp_ports(player.process())?;
    if ports.is_empty() {
        bail!("{} has no UDP socket to cut", player.name());
    }
    let mut list = String::new();
    for port in ports {
        // Writing to a string does not fail.
        let _ = write!(list, "{port}, ");
    }
    Ok(list)
}

fn udp_ports(root: Pid) -> anyhow::Result<BTreeSet<u16>> {
    let sockets: BTreeSet<u64> = family(root)?.into_iter().flat_map(sockets).collect();
    let mut ports = BTreeSet::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        // A machine without IPv6 has only one.
        let table = fs::read_to_string(table).unwrap_or_default();
        ports.extend(
            table
                .lines()
                .filter_map(port_and_socket)
                .filter(|(port, socket)| *port != MDNS && sockets.contains(socket))
                .map(|(port, _)| port),
        );
    }
    Ok(ports)
}

/// The sockets that a process has open.
fn sockets(pid: Pid) -> Vec<u64> {
    let files = fs::read_dir(format!("/proc/{pid}/fd"));
    files
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| {
            let target = fs::read_link(file.path()).ok()?;
            let socket = target.to_str()?.strip_prefix("socket:[")?;
            socket.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

/// From a line like `12: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4711 ..`.
fn port_and_socket(line: &str) -> Option<(u16, u64)> {
    let mut columns = line.split_whitespace();
    let (_, port) = columns.nth(1)?.split_once(':')?;
    let socket = columns.nth(7)?;
    Some((u16::from_str_radix(port, 16).ok()?, socket.parse().ok()?))
}

fn nft(arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let program =
        child::find(&["nft"]).context("there is no `nft`: install the package `nftables`")?;
    let mut running = child::command(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `nft`")?;
    if let Some(mut stdin) = running.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = running.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "nft {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_process_has_the_ports_of_its_sockets() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(udp_ports(Pid::this()).unwrap().contains(&port));
        assert!(
            udp_ports(Pid::parent()).unwrap().contains(&port),
            "a child counts"
        );
        drop(socket);
        assert!(!udp_ports(Pid::this()).unwrap().contains(&port));
    }
}
