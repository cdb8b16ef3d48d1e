//! Builds the pages: an index, one page per example, and the doctor.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    bundle::{self, WebProfile},
    doctor,
    examples::{self, Example},
    project::Project,
    toolchain::WasmToolchain,
};

const TEMPLATES: &str = "assets/web";

/// Builds the pages of the given examples, and returns the folder to serve.
pub(crate) fn build(
    project: &Project,
    examples: &[&Example],
    profile: WebProfile,
) -> anyhow::Result<PathBuf> {
    let toolchain = WasmToolchain::find(project)?;
    let games = examples::packages(examples);
    bundle::announce(project, profile, games.len());
    let mut packages = games.clone();
    packages.push(doctor::PACKAGE);
    bundle::compile(project, &toolchain, &packages, profile)?;
    let site = project.cache.site(profile.name());
    let mut lengths = HashMap::new();
    for package in games {
        let folder = site.join(package);
        fs::create_dir_all(&folder)?;
        lengths.insert(package, bundle::bind(project, package, profile, &folder)?);
    }
    let shell = template(project, "shell.html")?;
    for example in examples {
        let folder = site.join(&example.name);
        fs::create_dir_all(&folder)?;
        let bytes = lengths[example.package.as_str()];
        let page = fill(
            &shell,
            &[
                ("name", &example.name),
                ("program", &example.program_path()),
                ("description", &escape(&example.description)),
                ("bytes", &bytes.to_string()),
            ],
        )?;
        fs::write(folder.join("index.html"), page)?;
    }
    write_doctor(project, profile, &site)?;
    fs::write(site.join("index.html"), index(project, &site)?)?;
    Ok(site)
}

fn write_doctor(project: &Project, profile: WebProfile, site: &Path) -> anyhow::Result<()> {
    let folder = site.join(doctor::NAME);
    fs::create_dir_all(&folder)?;
    bundle::bind(project, doctor::PROGRAM, profile, &folder)?;
    let page = template(project, "doctor.html")?;
    fs::write(folder.join("index.html"), page)?;
    Ok(())
}

/// Returns the index, which lists every example. An example that has no page yet is listed with the command that builds
/// it.
fn index(project: &Project, site: &Path) -> anyhow::Result<String> {
    let card = template(project, "card.html")?;
    let missing = template(project, "card-missing.html")?;
    let mut cards = String::new();
    for example in project.examples.all() {
        let built = site.join(&example.name).join("index.html").is_file();
        cards.push_str(&fill(
            if built { &card } else { &missing },
            &[
                ("name", &example.name),
                ("description", &escape(&example.description)),
            ],
        )?);
    }
    fill(&template(project, "index.html")?, &[("cards", &cards)])
}

fn template(project: &Project, name: &str) -> anyhow::Result<String> {
    let path = project.root.join(TEMPLATES).join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Replaces each `{{name}}` with its value. A name without a value is an error.
fn fill(template: &str, values: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .context("a template contains {{ without }}")?;
        let Some((_, value)) = values.iter().find(|(known, _)| *known == name.trim()) else {
            bail!("a template contains {{{{{name}}}}}, which has no value");
        };
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced() {
        let page = fill("<b>{{name}}</b> {{ name }}{}", &[("name", "duel")]).unwrap();
        assert_eq!(page, "<b>duel</b> duel{}");
    }

    #[test]
    fn unknown_and_unclosed_placeholders_are_errors() {
        assert!(fill("{{nmae}}", &[("name", "x")]).is_err());
        assert!(fill("{{name", &[("name", "x")]).is_err());
    }

    #[test]
    fn descriptions_are_escaped() {
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
