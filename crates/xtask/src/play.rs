//! `cargo play`: builds the examples and serves them until Ctrl-C.

use std::{
    env::consts::EXE_SUFFIX,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{
    bundle::WebProfile,
    env,
    examples::{Example, install_libraries},
    process,
    project::Project,
    site,
};

/// The maximum time to wait until the server accepts connections.
const SERVER_START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// The maximum time to wait for the answer of a server that already runs.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum number of bytes to read of that answer.
const MAX_HEALTH_LEN: u64 = 4096;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The example to play
    #[arg(default_value = "hello")]
    example: String,
    /// Serve all examples (slow to build: they use more of Bevy)
    #[arg(long, conflicts_with_all = ["example", "native"])]
    all: bool,
    /// The port to serve on
    #[arg(long, default_value_t = 3536)]
    port: u16,
    /// Also open a native window in the same room. Uses the server of another `cargo play` if one
    /// is running
    #[arg(long)]
    native: bool,
    /// Accept connections from other machines in the local network
    #[arg(long)]
    lan: bool,
    /// Optimize for size (slow to build, small to download)
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let name = (!options.all).then_some(options.example.as_str());
    let examples = project.examples.select(name)?;
    let window = examples.first().copied().filter(|_| options.native);
    let ip = match options.lan {
        true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let address = SocketAddr::new(ip, options.port);
    // Checked first, so that minutes of building do not end in a port conflict.
    if let Err(error) = check_free(address) {
        return match window {
            Some(example) if !options.lan && is_signaling_server(local(options.port)) => {
                join_running_server(project, example, options)
            }
            _ => Err(error),
        };
    }

    let server = build_server(project)?;
    if let Some(example) = window {
        build_example(project, example, options)?;
    }
    let site = site::build(project, &examples, WebProfile::of(options.release))?;

    let stop = stop_on_ctrl_c()?;
    let mut server = start_server(&server, address, &site)?;
    print_addresses(options, &examples);
    let native = window
        .map(|example| open_window(project, example, options))
        .transpose()?;
    let ended = wait(&mut server.0, &stop);
    drop(native);
    ended
}

/// Opens a window that uses the server of another `cargo play`. Runs until the window closes or
/// Ctrl-C is pressed.
fn join_running_server(
    project: &Project,
    example: &Example,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    build_example(project, example, options)?;
    let stop = stop_on_ctrl_c()?;
    println!(
        "\n  The window uses the server that is already running on port {}. Press Ctrl-C to stop.\n",
        options.port
    );
    let mut window = open_window(project, example, options)?;
    while !stop.load(Ordering::Relaxed) && window.0.try_wait()?.is_none() {
        thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns a flag that Ctrl-C sets.
fn stop_on_ctrl_c() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = Arc::clone(&stop);
    ctrlc::set_handler(move || on_signal.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Returns whether a `huddle-signaling` server is running at this address.
fn is_signaling_server(address: SocketAddr) -> bool {
    let fields = ["\"rooms\":", "\"clients\":", "\"uptime_s\":"];
    health(address).is_ok_and(|answer| fields.iter().all(|field| answer.contains(field)))
}

/// Returns the answer to `GET /health`.
fn health(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_HEALTH_LEN).read_to_string(&mut answer)?;
    Ok(answer)
}

/// A child process that is killed when dropped.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // An error means that the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn check_free(address: SocketAddr) -> anyhow::Result<()> {
    TcpListener::bind(address).map(drop).with_context(|| {
        let port = address.port();
        format!(
            "cannot listen on port {port}. Is another `cargo play` running? Choose another port with --port {}",
            port.checked_add(1).unwrap_or(3536)
        )
    })
}

fn build_example(project: &Project, example: &Example, options: &Options) -> anyhow::Result<()> {
    install_libraries(&[example])?;
    build_native(project, &example.package, options.release)
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

/// Builds the signaling server and returns its program.
fn build_server(project: &Project) -> anyhow::Result<PathBuf> {
    // Beside this program, which shares dependencies with it. `cargo run -p huddle_signaling` uses the same folder.
    let own = std::env::current_exe().context("the path of this program is unknown")?;
    let target = own
        .ancestors()
        .nth(2)
        .context("xtask is not in cargo's target directory")?;
    let mut cargo = env::command("cargo");
    cargo
        .current_dir(&project.root)
        .args(["build", "-p", "huddle_signaling", "--bins", "--target-dir"])
        .arg(target);
    process::run(&mut cargo)?;
    Ok(target
        .join("debug")
        .join(format!("huddle-signaling{EXE_SUFFIX}")))
}

fn start_server(program: &Path, address: SocketAddr, site: &Path) -> anyhow::Result<KillOnDrop> {
    let mut command = env::command(program);
    command
        .args(["--bind", &address.to_string(), "--serve"])
        .arg(site);
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut server = KillOnDrop(child);
    let local = local(address.port());
    let deadline = Instant::now() + SERVER_START;
    while TcpStream::connect_timeout(&local, POLL).is_err() {
        if let Some(status) = server.0.try_wait()? {
            bail!("the server stopped while starting ({status})");
        }
        if Instant::now() > deadline {
            bail!("the server does not accept connections at {local}");
        }
        thread::sleep(POLL);
    }
    Ok(server)
}

fn print_addresses(options: &Options, examples: &[&Example]) {
    let base = format!("http://127.0.0.1:{}/", options.port);
    println!("\n  Open an address in two windows or browsers to play:\n");
    for example in examples {
        println!("    {base}{}/   {}", example.name, example.description);
    }
    println!("    {base}   the list of all examples");
    if options.lan {
        match lan_address() {
            Some(ip) => println!(
                "\n  On other machines in this network: http://{ip}:{}/",
                options.port
            ),
            None => println!("\n  This machine has no address in a local network."),
        }
    }
    println!("\n  Press Ctrl-C to stop.\n");
}

/// Returns the address of the interface with the default route. Sends no packets.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address reserved for documentation. Any address that is not local selects the default
    // route.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn open_window(
    project: &Project,
    example: &Example,
    options: &Options,
) -> anyhow::Result<KillOnDrop> {
    let profile = if options.release { "release" } else { "debug" };
    let program = project.cache.native().join(profile).join(&example.package);
    let room = format!("ws://127.0.0.1:{}/{}", options.port, example.name);
    let mut command = env::command(&program);
    example.play_in(&room, &mut command);
    let child = command
        .current_dir(&project.root)
        .spawn()
        .with_context(|| format!("cannot open a window with {}", program.display()))?;
    Ok(KillOnDrop(child))
}

fn wait(server: &mut Child, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    while !stop.load(Ordering::Relaxed) {
        if let Some(status) = server.try_wait()? {
            // Ctrl-C also stops the server, sometimes before this process receives it.
            thread::sleep(POLL);
            if stop.load(Ordering::Relaxed) {
                break;
            }
            bail!("the server stopped unexpectedly ({status})");
        }
        thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_for_a_used_port_names_the_option() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = check_free(taken.local_addr().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains("--port"), "{error}");
    }

    /// Starts a server that answers one request with `body`.
    fn serve_once(body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let len = stream.read(&mut [0; 1024]).unwrap();
            assert!(len > 0);
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_a_signaling_server_counts_as_a_running_server() {
        let health = r#"{"status":"ok","rooms":1,"clients":2,"uptime_s":3,"version":"0.1.0"}"#;
        assert!(is_signaling_server(serve_once(health)));
        assert!(!is_signaling_server(serve_once("<h1>It works!</h1>")));
    }
}
