//! The arguments of the command line.
//! Read by `main`, which passes each command its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};
use tracefuse_server::{QueryError, TraceQuery};

/// See every trace on your own machine: one program, one file, no account.
#[derive(Debug, Parser)]
#[command(name = "tracefuse", version)]
pub(crate) struct Args {
    /// The file that keeps the traces, or `:memory:`; by default `traces.db` in the user's data directory
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take in traces and show them in the browser
    View(Serve),
    /// As view, and forward everything to a Langfuse server or another receiver of OTLP
    Forward(Forward),
    /// Print traces as they end
    Tail(Tail),
    /// Print a trace as a tree
    Show(Show),
    /// List traces
    #[command(visible_alias = "query")]
    List(List),
    /// Read traces from files (OTLP, batches of Langfuse or the console's output, as JSON lines) or from a spool's directory
    Import(Import),
    /// Write traces as JSON lines, which `import` and a Langfuse server's batch endpoint read
    Export(Export),
    /// Let a coding agent read traces: a Model Context Protocol server over stdin and stdout
    Mcp,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:4318", value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// The only public key that is accepted; by default any
    #[arg(long, requires = "secret_key", value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) public_key: Option<String>,
    /// The secret key that belongs to it
    #[arg(long, requires = "public_key", value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) secret_key: Option<String>,
    /// What pages and requests must bring; required when it listens on more than this machine
    #[arg(long, value_name = "TEXT", value_parser = token)]
    pub(crate) token: Option<String>,
    /// A name under which this machine may be addressed, beside localhost
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub(crate) host: Vec<String>,
    /// Delete traces that have not changed for so many days
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub(crate) max_age: Option<u64>,
    /// Delete the oldest traces when the file is larger than so many MiB
    #[arg(long, value_name = "MIB", value_parser = mebibytes)]
    pub(crate) max_size: Option<u64>,
    /// A file with prices of models, instead of those built in
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Open the browser
    #[arg(long)]
    pub(crate) open: bool,
}

/// An address, or a port of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost").unwrap_or(text);
    let port = port.strip_prefix(':').unwrap_or(port).parse::<u16>();
    match (text.parse(), port) {
        (Ok(address), _) => Ok(address),
        (_, Ok(port)) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        _ => Err("give an address of this machine and a port, such as 127.0.0.1:4319".to_owned()),
    }
}

/// It is in addresses, in a cookie and in headers, where other characters have a meaning.
fn token(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    match text.len() {
        0..8 => Err("give at least 8 characters: it protects every trace".to_owned()),
        _ if !text.bytes().all(fits) => Err("use letters, digits, and - . _ ~ only".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

fn host(text: &str) -> Result<String, String> {
    match text.is_empty() || text.contains(['/', ':']) {
        true => Err("give a name alone, without scheme and port, such as box.lan".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// Up to a hundred years.
fn days(text: &str) -> Result<u64, String> {
    retention(text, 36_500)
}

/// Up to 32 TiB, the largest file that SQLite makes of pages of 8 KiB.
fn mebibytes(text: &str) -> Result<u64, String> {
    retention(text, 32 << 20)
}

fn retention(text: &str, most: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err(format!(
            "it would delete every trace: give 1 to {most}, or leave it out to keep all"
        )),
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!("give a whole number from 1 to {most}")),
    }
}

/// The longest time between two reports: a day.
const REPORT_EVERY: RangeInclusive<u64> = 1..=86_400;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Forward {
    /// Where to: a Langfuse server such as `https://cloud.langfuse.com`, or the whole address of an OTLP endpoint that ends
    /// in /v1/traces
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// The public key of that server
    #[arg(long, requires = "to_secret_key", value_name = "KEY")]
    pub(crate) to_public_key: Option<String>,
    /// The secret key of that server; better in the environment, as TRACEFUSE_TO_SECRET_KEY
    #[arg(
        long,
        requires = "to_public_key",
        value_name = "KEY",
        env = "TRACEFUSE_TO_SECRET_KEY",
        hide_env_values = true
    )]
    pub(crate) to_secret_key: Option<String>,
    /// Where to keep what has not been sent yet; by default beside the store
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) spool: Option<PathBuf>,
    /// How often the counts of sent, waiting, refused and lost requests are printed, in seconds, if they have changed
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(REPORT_EVERY))]
    pub(crate) report_every: u64,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filters {
    /// Name of the trace
    #[arg(long)]
    name: Option<String>,
    /// User
    #[arg(long)]
    user: Option<String>,
    /// Session
    #[arg(long)]
    session: Option<String>,
    /// Tag; more than one must all be there
    #[arg(long)]
    tag: Vec<String>,
    /// Highest level: DEBUG, DEFAULT, WARNING or ERROR
    #[arg(long)]
    level: Option<String>,
    /// Model
    #[arg(long)]
    model: Option<String>,
    /// Environment
    #[arg(long)]
    environment: Option<String>,
    /// Started at this time or later: RFC 3339, or before now such as -24h
    #[arg(long, allow_hyphen_values = true)]
    from: Option<String>,
    /// Started before this time
    #[arg(long, allow_hyphen_values = true)]
    to: Option<String>,
    /// Took at least so long: 250ms, 1.5s
    #[arg(long)]
    min_latency: Option<String>,
    /// Cost at least so many US dollars
    #[arg(long)]
    min_cost: Option<String>,
    /// Only traces with errors
    #[arg(long)]
    errors: bool,
    /// Full text
    #[arg(long, short = 'q')]
    search: Option<String>,
    /// newest, oldest, slowest, costliest or tokens
    #[arg(long)]
    order: Option<String>,
}

impl Filters {
    pub(crate) fn query(&self, now_ns: i64) -> anyhow::Result<TraceQuery> {
        self.read(now_ns).map_err(|error| {
            let option = match error.name.as_str() {
                "q" => "search".to_owned(),
                name => name.replace('_', "-"),
            };
            anyhow::anyhow!("cannot read --{option}: give {}", error.expected)
        })
    }

    fn read(&self, now_ns: i64) -> Result<TraceQuery, QueryError> {
        let mut query = TraceQuery::default();
        let given = [
            ("name", &self.name),
            ("user", &self.user),
            ("session", &self.session),
            ("level", &self.level),
            ("model", &self.model),
            ("environment", &self.environment),
            ("from", &self.from),
            ("to", &self.to),
            ("min_latency", &self.min_latency),
            ("min_cost", &self.min_cost),
            ("q", &self.search),
            ("order", &self.order),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                query.set(name, value, now_ns)?;
            }
        }
        for tag in &self.tag {
            query.set("tag", tag, now_ns)?;
        }
        query.errors = self.errors;
        Ok(query)
    }
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How many traces at most
    #[arg(long, default_value = "50", value_name = "N")]
    pub(crate) limit: NonZeroUsize,
    /// A JSON object a line instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Show {
    /// The id of the trace, or `latest`
    pub(crate) trace: String,
    /// As JSON instead of a tree
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// End after so many traces
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<NonZeroUsize>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Import {
    /// The files, or directories of spools (TRACEFUSE_SPOOL_DIR), which are read and not changed; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// The file to write; stdout by default
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        for text in ["4319", ":4319", "localhost:4319", "127.0.0.1:4319"] {
            assert_eq!(address(text), Ok(([127, 0, 0, 1], 4319).into()), "{text}");
        }
        assert_eq!(address("[::1]:0").unwrap().to_string(), "[::1]:0");
        for text in [
            "",
            "localhost",
            "example.org:80",
            "127.0.0.1",
            "70000",
            "http://127.0.0.1:1",
        ] {
            assert!(
                address(text).unwrap_err().contains("127.0.0.1:4319"),
                "{text}"
            );
        }
    }

    #[test]
    fn values_that_open_or_delete_everything_are_refused() {
        let parse = |arguments: &[&str]| {
            let all = ["tracefuse", "view"].iter().chain(arguments);
            Args::try_parse_from(all)
                .map(drop)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            parse(&["--token", "a-long.enough_token~1", "--host", "box.lan"]),
            Ok(())
        );
        for (arguments, said) in [
            (["--token", ""].as_slice(), "at least 8"),
            (&["--token", "short"], "at least 8"),
            (&["--token", "with;semicolon"], "letters, digits"),
            (&["--token", "with spaces in it"], "letters, digits"),
            (&["--host", "http://box.lan"], "without scheme"),
            (&["--host", "box.lan:80"], "without scheme"),
            (&["--max-age", "0"], "leave it out to keep all"),
            (&["--max-size", "0"], "leave it out to keep all"),
            (&["--max-age", "36501"], "from 1 to 36500"),
            (&["--max-age", "18446744073709551615"], "from 1 to 36500"),
            (&["--max-size", "33554433"], "from 1 to 33554432"),
            (
                &["--max-size", "99999999999999999999"],
                "from 1 to 33554432",
            ),
            (&["--max-size", "lots"], "from 1 to 33554432"),
            (
                &["--public-key", "", "--secret-key", ""],
                "value is required",
            ),
            (&["--public-key", "pk"], "--secret-key"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn reports_are_at_most_a_day_apart() {
        let every = |seconds| {
            let all = [
                "tracefuse",
                "forward",
                "--to",
                "http://localhost:1",
                "--report-every",
                seconds,
            ];
            Args::try_parse_from(all)
                .map(drop)
                .map_err(|error| error.to_string())
        };
        for seconds in ["1", "3600", "86400"] {
            assert_eq!(every(seconds), Ok(()));
        }
        for seconds in ["0", "86401", "31536000", "18446744073709551615"] {
            assert!(
                every(seconds).unwrap_err().contains("1..=86400"),
                "{seconds}"
            );
        }
    }

    #[test]
    fn filters_become_a_query() {
        let args = Args::parse_from([
            "tracefuse",
            "list",
            "--user",
            "ada",
            "--tag",
            "a",
            "--tag",
            "b",
            "--from",
            "-1h",
            "--errors",
            "-q",
            "hello",
        ]);
        let Command::List(list) = args.command else {
            panic!("not a list");
        };
        let query = list.filters.query(7_200_000_000_000).unwrap();
        assert_eq!(query.user_id.as_deref(), Some("ada"));
        assert_eq!(query.tags, ["a", "b"]);
        assert_eq!(query.from_ns, Some(3_600_000_000_000));
        assert_eq!((query.errors, query.text.as_deref()), (true, Some("hello")));
        let bad = Filters {
            level: Some("LOUD".to_owned()),
            ..Filters::default()
        };
        assert!(bad.query(0).unwrap_err().to_string().contains("WARNING"));
        let bad = Filters {
            min_cost: Some("much".to_owned()),
            ..Filters::default()
        };
        let error = bad.query(0).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot read --min-cost: give "),
            "{error}"
        );
    }
}
