//! A receiver of OTLP metrics on a loopback socket: keeps requests, answers as the test sets it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is answered.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Status(u16),
    /// A success that rejects some points.
    Rejects(i64),
    /// Nothing, for ever.
    Silence,
}

pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) metrics: ExportMetricsServiceRequest,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    answer: Answer,
    requests: Vec<Request>,
}

impl Receiver {
    pub(crate) fn start(answer: Answer) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let state = State {
            answer,
            requests: Vec::new(),
        };
        let receiver = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::new((Mutex::new(state), Condvar::new())),
        };
        let serving = receiver.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serving.clone().serve(stream));
                }
            });
        });
        receiver
    }

    pub(crate) fn answers(&self, answer: Answer) {
        self.state.0.lock().unwrap().answer = answer;
    }

    /// Takes the requests so far, once there are so many.
    #[track_caller]
    pub(crate) fn take(&self, at_least: usize) -> Vec<Request> {
        let (state, arrived) = &*self.state;
        let waits = |state: &mut State| state.requests.len() < at_least;
        let limit = Duration::from_secs(30);
        let (mut state, late) = arrived
            .wait_timeout_while(state.lock().unwrap(), limit, waits)
            .unwrap();
        assert!(
            !late.timed_out(),
            "only {} requests came",
            state.requests.len()
        );
        std::mem::take(&mut state.requests)
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        let mut read = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut read).await.ok()? == 0 {
                    return None;
                }
            };
            let head = String::from_utf8(read.drain(..end).collect())
                .ok()?
                .to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length?.parse().ok()?;
            while read.len() < length {
                if stream.read_buf(&mut read).await.ok()? == 0 {
                    return None;
                }
            }
            let body: Vec<u8> = read.drain(..length).collect();
            let metrics = ExportMetricsServiceRequest::decode(&*body).ok()?;
            let answer = {
                let (state, arrived) = &*self.state;
                let mut state = state.lock().unwrap();
                state.requests.push(Request { head, metrics });
                arrived.notify_all();
                state.answer
            };
            let (status, body) = match answer {
                Answer::Status(status) => (status, Vec::new()),
                Answer::Rejects(points) => {
                    let partial_success = ExportMetricsPartialSuccess {
                        rejected_data_points: points,
                        error_message: "too old".to_owned(),
                    };
                    let response = ExportMetricsServiceResponse {
                        partial_success: Some(partial_success),
                    };
                    (200, response.encode_to_vec())
                }
                Answer::Silence => std::future::pending().await,
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
        }
    }
}

impl Request {
    pub(crate) fn metric(&self, name: &str) -> Option<&Metric> {
        let scopes = self
            .metrics
            .resource_metrics
            .iter()
            .flat_map(|of| &of.scope_metrics);
        scopes
            .flat_map(|scope| &scope.metrics)
            .find(|metric| metric.name == name)
    }

    /// Buckets, sum and temporality of a histogram's only point.
    #[track_caller]
    pub(crate) fn histogram(&self, name: &str) -> (Vec<u64>, f64, i32) {
        let metric = self.metric(name).unwrap();
        let Some(Data::Histogram(histogram)) = &metric.data else {
            panic!("{name} is no histogram: {metric:?}");
        };
        let [point] = &*histogram.data_points else {
            panic!("{histogram:?}");
        };
        assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>());
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        (
            point.bucket_counts.clone(),
            point.sum.unwrap(),
            histogram.aggregation_temporality,
        )
    }
}

/// Attributes as text, sorted.
pub(crate) fn text(attributes: &[KeyValue]) -> Vec<String> {
    let one = |pair: &KeyValue| {
        let value = pair.value.as_ref().and_then(|any| any.value.as_ref());
        match value {
            Some(Value::StringValue(text)) => format!("{}={text}", pair.key),
            other => format!("{}={other:?}", pair.key),
        }
    };
    let mut all: Vec<String> = attributes.iter().map(one).collect();
    all.sort();
    all
}
