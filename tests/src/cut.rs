//! Drops the packets between two players.

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

use crate::{child, player::Player, process_tree::process_tree};

/// The port of multicast DNS. Any machine may send to it.
const MDNS: u16 = 5353;

/// A packet filter that drops all packets between the current sockets of two players, until it is
/// dropped itself.
///
/// The players receive no error, as when a router forgets a connection. The filter does not match
/// sockets that are opened later, so a new link works immediately.
pub struct Cut {
    table: String,
}

impl Cut {
    /// Starts dropping packets.
    ///
    /// # Errors
    /// Returns an error if a player has no UDP socket, or the kernel has no packet filter.
    pub fn between(a: &dyn Player, b: &dyn Player) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("inet huddle_cut_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (of_a, of_b) = (ports(a)?, ports(b)?);
        // An input filter, because an output filter would return an error to the sender.
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

    /// Returns the number of dropped packets.
    ///
    /// # Errors
    /// Returns an error if `nft` returns no counter.
    pub fn dropped(&self) -> anyhow::Result<u64> {
        let listing = nft(&["list", "table", &self.table], "")?;
        listing
            .split_whitespace()
            .skip_while(|word| *word != "packets")
            .nth(1)
            .and_then(|count| count.parse().ok())
            .with_context(|| format!("nft returned no counter: {listing}"))
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        // An error is harmless: the network ends with this run.
        let _ = nft(&["delete", "table", &self.table], "");
    }
}

/// Returns a list of a player's UDP ports in the syntax of nft.
fn ports(player: &dyn Player) -> anyhow::Result<String> {
    let ports = udp_ports(player.process())?;
    if ports.is_empty() {
        bail!("{} has no UDP socket to cut", player.name());
    }
    let mut list = String::new();
    for port in ports {
        // Writing to a string cannot fail.
        let _ = write!(list, "{port}, ");
    }
    Ok(list)
}

fn udp_ports(root: Pid) -> anyhow::Result<BTreeSet<u16>> {
    let sockets: BTreeSet<u64> = process_tree(root)?.into_iter().flat_map(sockets).collect();
    let mut ports = BTreeSet::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        // A machine without IPv6 has only the first table.
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

/// Returns the inodes of a process's open sockets.
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

/// Parses the port and the inode of a line like
/// `12: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4711 ..`.
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
    fn udp_ports_include_sockets_of_child_processes() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(udp_ports(Pid::this()).unwrap().contains(&port));
        assert!(
            udp_ports(Pid::parent()).unwrap().contains(&port),
            "the ports of a child process are included"
        );
        drop(socket);
        assert!(!udp_ports(Pid::this()).unwrap().contains(&port));
    }
}
