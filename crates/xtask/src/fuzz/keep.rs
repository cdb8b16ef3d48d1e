//! Chooses the inputs to keep in the repository.

use std::{fs, process::ExitCode};

use anyhow::Context;

use super::{
    build::Fuzzers,
    corpus::{Corpus, inputs},
    run::merge,
};
use crate::project::Project;

/// What a target's kept inputs may take, in bytes and files, besides those with names.
const KEPT: u64 = 8 * 1024;
const KEPT_FILES: usize = 64;

/// Chooses the kept inputs anew: those with names given by hand stay, and as many of the others as
/// there is room for, the smallest first.
pub(super) fn keep(
    project: &Project,
    fuzzers: &Fuzzers,
    targets: &[String],
) -> anyhow::Result<ExitCode> {
    for target in targets {
        let corpus = Corpus::open(project, target)?;
        let chosen = project.cache.fuzz().join("chosen").join(target);
        // It may not be there.
        let _ = fs::remove_dir_all(&chosen);
        fs::create_dir_all(&chosen)
            .with_context(|| format!("cannot create {}", chosen.display()))?;
        let mut named = 0;
        for input in inputs(&corpus.kept)?.iter().filter(|input| !input.found) {
            fs::copy(&input.path, chosen.join(&input.name))?;
            named += 1;
        }
        merge(fuzzers, target, &chosen, &[&corpus.kept, &corpus.found])?;
        for input in inputs(&corpus.kept)?.iter().filter(|input| input.found) {
            fs::remove_file(&input.path)?;
        }
        let (mut kept, mut total) = (0, 0);
        for input in inputs(&chosen)?.iter().filter(|input| input.found) {
            if total + input.len > KEPT || kept == KEPT_FILES {
                break;
            }
            fs::copy(&input.path, corpus.kept.join(&input.name))?;
            (kept, total) = (kept + 1, total + input.len);
        }
        println!("{target}: {named} inputs with names, {kept} found ones of {total} bytes");
    }
    Ok(ExitCode::SUCCESS)
}
