//! The allowed differences between the Python SDK and tracefuse, with their reasons.
//! Read by `python`, which fails at a difference that is not listed, and at an entry without a difference.

/// A difference; `*` matches every program, every place, or the rest of a name.
pub(super) struct Explained {
    pub(super) program: &'static str,
    pub(super) place: &'static str,
    pub(super) field: &'static str,
    pub(super) why: &'static str,
}

const EXCEPTION: &str = "Langfuse drops the span event in which theirs tells type and stack; ours stand where they are shown";
const TYPE: &str = "the type of the error is the language's";

pub(super) const EXPLAINED: &[Explained] = &[
    Explained {
        program: "*",
        place: "(resource)",
        field: "service.instance.id",
        why: "theirs is random for each process; Langfuse does not read it",
    },
    Explained {
        program: "*",
        place: "(resource)",
        field: "service.name",
        why: "unknown in both; theirs names the language",
    },
    Explained {
        program: "*",
        place: "(resource)",
        field: "telemetry.sdk.*",
        why: "who we are",
    },
    Explained {
        program: "*",
        place: "(scope)",
        field: "attributes.public_key",
        why: "theirs tells projects in one process apart by it; Langfuse does not read it",
    },
    Explained {
        program: "*",
        place: "(scope)",
        field: "name",
        why: "begins with langfuse-sdk, so that the panel shows the user's keys alone, and is a name of our own",
    },
    Explained {
        program: "*",
        place: "(scope)",
        field: "version",
        why: "our version",
    },
    Explained {
        program: "*",
        place: "*",
        field: "metadata exception.*",
        why: EXCEPTION,
    },
    Explained {
        program: "*",
        place: "*",
        field: "statusMessage type",
        why: TYPE,
    },
    Explained {
        program: "nested",
        place: "order / charge",
        field: "metadata tags",
        why: "the tag of a span: theirs has tags for traces only",
    },
    Explained {
        program: "scores",
        place: "(request)",
        field: "scores",
        why: "servers up to 4.16.0 refuse an array; an object each works on all",
    },
    Explained {
        program: "scores",
        place: "score *",
        field: "timestamp",
        why: "the API of 4.16.0 has no time of a score: the server stamps it",
    },
    Explained {
        program: "scores",
        place: "score *",
        field: "dataType",
        why: "ours is always said; theirs leaves it to the server to guess, unless the program says it",
    },
];

/// The entry for a difference, and its reason.
pub(super) fn explanation(
    program: &str,
    place: &str,
    field: &str,
) -> Option<(usize, &'static str)> {
    let fits = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    let mut known = EXPLAINED.iter().enumerate();
    let (at, found) = known.find(|(_, known)| {
        fits(known.program, program) && fits(known.place, place) && fits(known.field, field)
    })?;
    Some((at, found.why))
}
