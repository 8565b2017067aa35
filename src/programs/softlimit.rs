//! `softlimit [-acdflmoprst N] child`: runs a program with less of what it could have.

use crate::chain::Chain;
use crate::limits::{Amount, OPTIONS, Resource, resources};
use crate::options::{Found, Options};
use crate::report::{Draft, Failure, USAGE};
use crate::sys::limits;
use crate::sys::startup::{self, Program, Word};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let (called_as, words) = words.split_first().ok_or(Failure::silent(USAGE))?;
    let mut options = Options::new(b"", OPTIONS, words);
    let mut wanted = Vec::new();
    let mistake = options.by_ref().find_map(|found| {
        let Found::Letter(letter, amount) = found else { return Some(usage(found.complaint(called_as))) };
        let Some(amount) = Amount::parse(amount.unwrap_or_default()) else { return Some(usage(None)) };
        wanted.extend(resources(letter).iter().map(|&resource| (system(resource), amount)));
        None
    });
    // The limits may leave no memory to prepare anything; they hold even if a mistake comes after them.
    let mistake = mistake.or_else(|| options.operands().is_empty().then(|| usage(None)));
    let chain = Chain::new("softlimit", options.operands(), &startup::environment());
    let failed = |what: &'static [u8]| Draft::new("softlimit", &[what, b" failed: "]);
    let (unknown, refused) = (failed(b"getrlimit"), failed(b"setrlimit"));
    for (resource, amount) in wanted {
        let hard = limits::hard(resource).map_err(|error| unknown.clone().finish(error.text()))?;
        let set = limits::set_soft(resource, amount.under(hard));
        set.map_err(|error| refused.clone().finish(error.text()))?;
    }
    Err(mistake.unwrap_or_else(|| chain.run()))
}

const fn system(resource: Resource) -> limits::Resource {
    match resource {
        Resource::AddressSpace => limits::Resource::RLIMIT_AS,
        Resource::Core => limits::Resource::RLIMIT_CORE,
        Resource::Cpu => limits::Resource::RLIMIT_CPU,
        Resource::Data => limits::Resource::RLIMIT_DATA,
        Resource::FileSize => limits::Resource::RLIMIT_FSIZE,
        Resource::LockedMemory => limits::Resource::RLIMIT_MEMLOCK,
        Resource::OpenFiles => limits::Resource::RLIMIT_NOFILE,
        Resource::Processes => limits::Resource::RLIMIT_NPROC,
        Resource::ResidentSet => limits::Resource::RLIMIT_RSS,
        Resource::Stack => limits::Resource::RLIMIT_STACK,
    }
}

fn usage(complaint: Option<Vec<u8>>) -> Failure {
    let synopsis = "softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] \
        [-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child";
    Failure::usage("softlimit", synopsis).after(complaint)
}
