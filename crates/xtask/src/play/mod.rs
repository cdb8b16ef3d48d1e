//! `cargo play`: builds the examples and serves them until Ctrl-C.

mod browser;
mod server;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    process::{Child, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, bail};

use crate::{
    bundle::WebProfile,
    doctor, env,
    examples::{Example, install_libraries},
    process,
    project::Project,
    site,
};
use server::{
    KillOnDrop, POLL, build_server, check_free, is_signaling_server, local, start_server,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The example to play, or `doctor` to check this machine's connections
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
    let is_doctor = !options.all && options.example == doctor::NAME;
    if is_doctor && options.native {
        bail!(
            "the doctor has no window. Run its program with `cargo run -p {} -- --help`",
            doctor::PACKAGE
        );
    }
    let name = (!options.all).then_some(options.example.as_str());
    let examples = project.examples.of_site(name)?;
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
    if is_doctor {
        browser::open(&doctor_page(options.port));
    }
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

fn build_example(project: &Project, example: &Example, options: &Options) -> anyhow::Result<()> {
    install_libraries(&[example])?;
    build_native(project, &example.package, options.release)
}

fn print_addresses(options: &Options, examples: &[&Example]) {
    let base = format!("http://127.0.0.1:{}/", options.port);
    if examples.is_empty() {
        println!("\n  Open this address to check the connections of a machine:\n");
    } else {
        println!("\n  Open an address in two windows or browsers to play:\n");
    }
    for example in examples {
        println!("    {base}{}/   {}", example.name, example.description);
    }
    println!(
        "    {}   {}",
        doctor_page(options.port),
        doctor::DESCRIPTION
    );
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

fn doctor_page(port: u16) -> String {
    format!("http://127.0.0.1:{port}/{}/", doctor::NAME)
}

/// Returns the address of the interface with the default route. Sends no packets.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address reserved for documentation. Any address that is not local selects the default
    // route.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
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
