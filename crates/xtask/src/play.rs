//! `cargo play`: build, serve, and stay until Ctrl-C.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::{Child, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{bundle::Flavour, env, examples::Example, process, project::Project, site};

/// How long the server may take until it answers.
const SERVER_START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The example to play; all of them if not given
    example: Option<String>,
    /// The port to serve on
    #[arg(long, default_value_t = 3536)]
    port: u16,
    /// Also open a native window in the same room as the page
    #[arg(long)]
    native: bool,
    /// Let other machines in the local network play, too
    #[arg(long)]
    lan: bool,
    /// Optimise (slow to build, small to download)
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let examples = project.examples.select(options.example.as_deref())?;
    let window = match options.native {
        true => Some(project.examples.only(options.example.as_deref())?),
        false => None,
    };
    let ip = match options.lan {
        true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let address = SocketAddr::new(ip, options.port);
    // Minutes of building should not end in a port conflict.
    check_free(address)?;

    build_native(project, "huddle_signaling", false)?;
    if let Some(example) = window {
        build_native(project, &example.name, options.release)?;
    }
    let site = site::build(project, &examples, Flavour::of(options.release))?;

    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = Arc::clone(&stop);
    ctrlc::set_handler(move || on_signal.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;

    let mut server = start_server(project, address, &site)?;
    greet(options, &examples);
    let native = window
        .map(|example| open_window(project, example, options))
        .transpose()?;
    let ended = wait(&mut server.0, &stop);
    drop(native);
    ended
}

/// A child that does not outlive us.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // Errors mean that it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn check_free(address: SocketAddr) -> anyhow::Result<()> {
    TcpListener::bind(address).map(drop).with_context(|| {
        let port = address.port();
        format!(
            "port {port} cannot be used: is another `cargo play` running? Choose another with --port {}",
            port.checked_add(1).unwrap_or(3536)
        )
    })
}

fn build_native(project: &Project, package: &str, release: bool) -> anyhow::Result<()> {
    let mut cargo = env::command("cargo");
    cargo
        .current_dir(&project.root)
        .args(["build", "-p", package, "--bins", "--target-dir"])
        .arg(project.cache.native());
    if release {
        cargo.arg("--release");
    }
    process::run(&mut cargo)
}

fn start_server(project: &Project, address: SocketAddr, site: &Path) -> anyhow::Result<Kept> {
    let program = project.cache.native().join("debug/huddle-signaling");
    let mut command = env::command(&program);
    command
        .args(["--bind", &address.to_string(), "--serve"])
        .arg(site);
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut server = Kept(child);
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
    let deadline = Instant::now() + SERVER_START;
    while TcpStream::connect_timeout(&local, POLL).is_err() {
        if let Some(status) = server.0.try_wait()? {
            bail!("the server ended at once ({status})");
        }
        if Instant::now() > deadline {
            bail!("the server does not answer at {local}");
        }
        thread::sleep(POLL);
    }
    Ok(server)
}

fn greet(options: &Options, examples: &[&Example]) {
    let base = format!("http://127.0.0.1:{}/", options.port);
    println!("\n  Open this twice, in two windows or browsers, and play with yourself:\n");
    for example in examples {
        println!("    {base}{}/   {}", example.name, example.description);
    }
    println!("    {base}   all examples");
    if options.lan {
        match lan_address() {
            Some(ip) => println!(
                "\n  From other machines in this network: http://{ip}:{}/",
                options.port
            ),
            None => println!("\n  This machine has no address in a local network."),
        }
    }
    println!("\n  Ctrl-C ends it.\n");
}

/// The address that packets to the outside would leave from; none is sent.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // A documentation address: any that is not local makes the system choose the way out.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn open_window(project: &Project, example: &Example, options: &Options) -> anyhow::Result<Kept> {
    let profile = if options.release { "release" } else { "debug" };
    let program = project.cache.native().join(profile).join(&example.name);
    let room = format!("ws://127.0.0.1:{}/{}", options.port, example.name);
    let child = env::command(&program)
        .current_dir(&project.root)
        .args(["--room", &room])
        .spawn()
        .with_context(|| format!("cannot open a window with {}", program.display()))?;
    Ok(Kept(child))
}

fn wait(server: &mut Child, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    while !stop.load(Ordering::Relaxed) {
        if let Some(status) = server.try_wait()? {
            // Ctrl-C reaches the server, too, sometimes before us.
            thread::sleep(POLL);
            if stop.load(Ordering::Relaxed) {
                break;
            }
            bail!("the server ended by itself ({status})");
        }
        thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_said_with_the_way_out() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = check_free(taken.local_addr().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains("--port"), "{error}");
    }
}
