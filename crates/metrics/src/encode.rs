//! A snapshot as an OTLP request: `ExportMetricsServiceRequest`, written by `protobuf`.
//! Called by `push` for each export. Field numbers are those of `opentelemetry/proto/metrics/v1/metrics.proto`.

use tracefuse_core::record::{Resource, ValueRef};
use tracefuse_otlp::resource_attributes;

use crate::collect::{Family, Snapshot, Value};
use crate::instrument::Kind;
use crate::labels::Labels;
use crate::protobuf::{Message, message};

/// When the counts began and when they were read, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Whether counts began at `start` again (delta), or with the process (cumulative).
    pub(crate) delta: bool,
}

/// The request, and how many data points it has.
pub(crate) fn request(snapshot: &Snapshot, resource: &Resource, window: Window) -> (Vec<u8>, u64) {
    let mut points = 0;
    let body = message(|request| {
        request.message(1, |metrics| {
            metrics.message(1, |of| write_resource(of, resource));
            metrics.message(2, |scope| {
                scope.message(1, |of| {
                    of.text(1, "tracefuse");
                    of.text(2, env!("CARGO_PKG_VERSION"));
                });
                for family in snapshot.0.values() {
                    points += family.points.len() as u64;
                    scope.message(2, |metric| write_metric(metric, family, window));
                }
            });
        });
    });
    (body, points)
}

fn write_resource(out: &mut Message, resource: &Resource) {
    let (version, release) = (resource.version.as_deref(), resource.release.as_deref());
    let names = [
        (
            "deployment.environment.name",
            resource.environment.as_deref(),
        ),
        ("service.version", version.or(release)),
    ];
    for (key, value) in resource_attributes(resource, &names) {
        out.attribute(1, key, value);
    }
}

fn write_metric(out: &mut Message, family: &Family, window: Window) {
    const DELTA: u64 = 1;
    const CUMULATIVE: u64 = 2;
    let instrument = family.instrument;
    out.text(1, instrument.name);
    out.text(2, instrument.description);
    out.text(3, instrument.unit);
    // A sum that goes down has no useful deltas: the specification keeps it cumulative.
    let delta = window.delta && instrument.kind != Kind::UpDownCounter;
    let temporality = if delta { DELTA } else { CUMULATIVE };
    match instrument.kind {
        Kind::Gauge => out.message(5, |gauge| write_numbers(gauge, family, window)),
        Kind::Counter | Kind::UpDownCounter => out.message(7, |sum| {
            write_numbers(sum, family, window);
            sum.number(2, temporality);
            sum.number(3, u64::from(instrument.kind == Kind::Counter));
        }),
        Kind::Histogram => out.message(9, |histogram| {
            for (labels, value) in &family.points {
                if let Value::Distribution { counts, sum } = value {
                    histogram.message(1, |point| {
                        point.fixed(2, window.start);
                        point.fixed(3, window.end);
                        point.fixed(4, counts.iter().sum());
                        point.fixed(5, sum.to_bits());
                        point.packed(6, counts.iter().copied());
                        point.packed(7, instrument.bounds.iter().map(|bound| bound.to_bits()));
                        write_labels(point, 9, labels);
                    });
                }
            }
            histogram.number(2, temporality);
        }),
    }
}

fn write_numbers(out: &mut Message, family: &Family, window: Window) {
    for (labels, value) in &family.points {
        if let Value::Number(number) = value {
            out.message(1, |point| {
                if family.instrument.kind != Kind::Gauge {
                    point.fixed(2, window.start);
                }
                point.fixed(3, window.end);
                // An sfixed64.
                point.fixed(6, *number);
                write_labels(point, 7, labels);
            });
        }
    }
}

fn write_labels(out: &mut Message, field: u32, labels: &Labels) {
    for (key, value) in labels {
        let value = match (*key, &**value) {
            ("otel.metric.overflow", "true") => ValueRef::Bool(true),
            (_, text) => ValueRef::Str(text),
        };
        out.attribute(field, key, value);
    }
}
