//! One upload: announced to Langfuse, sent to the address that it names, and reported.
//! Called by the task of `upload`. Decides where bytes may go, and whether a failed upload is tried again.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};
use tracefuse_exporter::contain::log_line;
use tracefuse_exporter::record::Timestamp;
use tracefuse_http::{AnswerClass, Endpoint, Headers, HttpRequest};

use super::Media;
use super::upload::Shared;

/// How many hosts of uploads are named in the log.
const MAX_HOSTS: usize = 16;
/// Time limit of one `PUT`: a body of many megabytes takes long.
const PUT_TIMEOUT: Duration = Duration::from_secs(60);

/// Why an upload failed, and whether it may be tried again.
pub(super) struct Failure {
    pub(super) words: String,
    pub(super) again: bool,
}

impl Shared {
    pub(super) async fn upload(&self, media: &Media) -> Result<(), Failure> {
        let address = |segments: &[&str]| {
            let address = self.target.base.join(segments);
            address.map_err(|error| Failure::last(error.to_string()))
        };
        let announced = json!({
            "contentType": media.mime,
            "contentLength": media.bytes.len(),
            "sha256Hash": media.hash,
            "traceId": media.trace,
            "observationId": media.observation,
            "field": media.field,
        });
        let request = HttpRequest::post(address(&["api", "public", "media"])?);
        let answer = self.api(request, &announced).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        // No address: the server has this media already.
        let Some(url) = answer.get("uploadUrl").and_then(Value::as_str) else {
            return Ok(());
        };
        let id = answer
            .get("mediaId")
            .and_then(Value::as_str)
            .unwrap_or(&media.id);
        let started = self.clock.monotonic_nanos();
        let put = self.put(url, media).await;
        let took = self.clock.monotonic_nanos().saturating_sub(started);
        let (status, error) = match &put {
            Ok(status) => (*status, None),
            Err((status, failure)) => (*status, Some(&failure.words)),
        };
        let now = Timestamp::from_unix_nanos(self.clock.unix_nanos()).to_string();
        let outcome = json!({
            "uploadedAt": now,
            "uploadHttpStatus": status,
            "uploadHttpError": error,
            "uploadTimeMs": took / 1_000_000,
        });
        let request = HttpRequest::patch(address(&["api", "public", "media", id])?);
        let reported = self.api(request, &outcome).await;
        match put {
            Ok(_) => reported.map(drop),
            Err((_, failure)) => Err(failure),
        }
    }

    async fn put(&self, url: &str, media: &Media) -> Result<u16, (u16, Failure)> {
        let last = |words: String| (0, Failure::last(words));
        let place = Endpoint::parse_presigned(url).map_err(|error| last(error.to_string()))?;
        may_go_to(&self.target.base, &place).map_err(|words| last(words.to_owned()))?;
        self.name_host(&place);
        let mut headers = Headers::new();
        let inserted = headers
            .insert("content-type", media.mime)
            .and_then(|()| headers.insert("x-amz-checksum-sha256", &media.hash));
        inserted.map_err(|error| last(error.to_string()))?;
        // Without our keys: the address is signed, and the host is not always Langfuse's.
        let request = HttpRequest::put(place)
            .headers(headers)
            .body("application/octet-stream", media.bytes.clone())
            .timeout(PUT_TIMEOUT);
        let answer = self.target.client.send(&request).await;
        let answer = answer.map_err(|error| (0, Failure::passing(error.to_string())))?;
        if answer.class() == AnswerClass::Success {
            return Ok(answer.status());
        }
        let words = answer.describe(&self.target.secrets.each_ref());
        let failure = Failure {
            words,
            again: passing(answer.class()),
        };
        Err((answer.status(), failure))
    }

    /// Logs, once per host other than the server's, that media are uploaded to it.
    fn name_host(&self, place: &Endpoint) {
        if place.host() == self.target.base.host() {
            return;
        }
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = hosts.len() < MAX_HOSTS && !hosts.iter().any(|host| host == place.host());
        if is_new {
            hosts.push(place.host().to_owned());
            drop(hosts);
            log_line(|| {
                tracing::info!(
                    target: "tracefuse",
                    "media are uploaded to {}, as Langfuse at {} asks",
                    place.origin(),
                    self.target.base.origin()
                );
            });
        }
    }

    async fn api(&self, request: HttpRequest, body: &Value) -> Result<bytes::Bytes, Failure> {
        let request = request
            .headers(self.target.headers.clone())
            .body("application/json", body.to_string());
        let answer = self.target.client.send(&request).await;
        let answer = answer.map_err(|error| Failure::passing(error.to_string()))?;
        if answer.class() == AnswerClass::Success {
            return Ok(answer.body().clone());
        }
        Err(Failure {
            words: answer.describe(&self.target.secrets.each_ref()),
            again: passing(answer.class()),
        })
    }
}

/// Whether bytes may be sent to a place that the server named. A server may be hostile or wrongly set up: it must
/// reach no service on this machine through us, and get nothing sent in clear text.
fn may_go_to(base: &Endpoint, place: &Endpoint) -> Result<(), &'static str> {
    if base.is_loopback() {
        return Ok(());
    }
    if place.is_loopback() {
        return Err(
            "the server, which is not on this machine, asks for an upload to this machine: refused",
        );
    }
    if base.is_tls() && !place.is_tls() {
        return Err("the server asks for an upload in clear text: refused");
    }
    Ok(())
}

fn passing(class: AnswerClass) -> bool {
    matches!(class, AnswerClass::Retry | AnswerClass::RateLimited)
}

impl Failure {
    fn last(words: String) -> Self {
        Self {
            words,
            again: false,
        }
    }

    fn passing(words: String) -> Self {
        Self { words, again: true }
    }
}

#[cfg(test)]
mod tests {
    use tracefuse_http::{HttpClient, HttpConfig, Secret};

    use super::*;
    use crate::media::{Target, Uploads};
    use crate::testing::Lines;

    #[test]
    fn each_other_host_is_logged_once_and_sixteen_at_most() {
        let (lines, _guard) = Lines::collect();
        let parse = |url: &str| Endpoint::parse(url).unwrap();
        let uploads = Uploads::new(Target {
            client: HttpClient::new(&HttpConfig::default()).unwrap(),
            base: parse("https://langfuse.example"),
            headers: Headers::new(),
            secrets: [Secret::new("s"), Secret::new("b")],
        });
        let name = |url: &str| uploads.shared.name_host(&parse(url));
        name("https://langfuse.example/bucket");
        assert!(lines.of("message").is_empty());
        for _ in 0..2 {
            name("https://s3.example/a");
            name("https://s4.example/b");
        }
        assert_eq!(
            lines.of("message"),
            ["s3", "s4"].map(|host| format!(
                "media are uploaded to https://{host}.example, as Langfuse at https://langfuse.example asks"
            ))
        );
        for host in 0..20 {
            name(&format!("https://h{host}.example/"));
        }
        assert_eq!(lines.of("message").len(), 16);
    }

    #[test]
    fn uploads_go_nowhere_that_the_server_is_not() {
        let check = |base: &str, place: &str| {
            let [base, place] = [base, place].map(|url| Endpoint::parse_presigned(url).unwrap());
            may_go_to(&base, &place).is_ok()
        };
        for (base, place, may) in [
            (
                "https://cloud.langfuse.com",
                "https://bucket.s3.amazonaws.com/a?X=1",
                true,
            ),
            (
                "https://cloud.langfuse.com",
                "http://bucket.s3.amazonaws.com/a",
                false,
            ),
            ("https://cloud.langfuse.com", "http://127.0.0.1:80/a", false),
            ("https://cloud.langfuse.com", "https://127.0.0.1/a", false),
            (
                "https://cloud.langfuse.com",
                "http://localhost:9000/a",
                false,
            ),
            ("https://cloud.langfuse.com", "http://[::1]:9000/a", false),
            (
                "https://cloud.langfuse.com",
                "https://[::ffff:127.0.0.1]/a",
                false,
            ),
            ("http://langfuse-web:3000", "http://minio:9000/a", true),
            ("http://langfuse-web:3000", "http://localhost:9000/a", false),
            ("http://localhost:3000", "http://localhost:9090/a", true),
            ("https://localhost:3000", "http://127.0.0.1:9090/a", true),
        ] {
            assert_eq!(check(base, place), may, "{base} {place}");
        }
    }
}
