//! `cargo xtask test --only packages`: creates the packages of the published crates and checks their files.

mod archive;
mod check;
mod published;

use std::{fs, process::Command};

use anyhow::Context;

use crate::{env, process, project::Project, report::Report};
use archive::Archive;
use check::Licenses;
use published::Published;

/// Creates and checks the package of every published crate. Prints the findings.
pub(crate) fn check(project: &Project) -> anyhow::Result<Report> {
    let published = Published::find(&project.root)?;
    create(project, &published)?;
    let licenses = Licenses::read(&project.root)?;
    let folder = project.cache.packages().join("package");
    let mut report = Report::default();
    for name in &published.names {
        let file = folder.join(published.file_name(name));
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let package =
            Archive::read(&bytes).with_context(|| format!("cannot unpack {}", file.display()))?;
        let findings = check::find(&package, bytes.len(), &licenses);
        for finding in &findings {
            println!("{name}: {finding}");
        }
        report.count(findings.is_empty());
    }
    Ok(report)
}

fn create(project: &Project, published: &Published) -> anyhow::Result<()> {
    // The first attempt needs no network if all dependencies are downloaded. The second one prints its errors.
    if process::output(package(project, published).arg("--offline")).is_ok() {
        return Ok(());
    }
    process::run(&mut package(project, published))
}

/// Returns the command that packages all published crates at once, because they depend on each other.
fn package(project: &Project, published: &Published) -> Command {
    let mut cargo = env::command("cargo");
    cargo
        .current_dir(&project.root)
        // The other steps build the crates.
        .args(["package", "--quiet", "--no-verify", "--allow-dirty"])
        .arg("--target-dir")
        .arg(project.cache.packages());
    for name in &published.names {
        cargo.args(["-p", name]);
    }
    cargo
}
