"""The twin of crates/tracefuse/examples/experiment.rs."""

from langfuse import Evaluation, get_client

langfuse = get_client()


def capital(*, item, **_):
    with langfuse.start_as_current_observation(
        name="ask", as_type="generation", model="gpt-4o", input=item["input"]
    ) as span:
        span.update(usage_details={"input": 12, "output": 2, "total": 14})
        cities = {"France": "Paris", "Japan": "Kyoto", "Peru": "Lima"}
        if item["input"] not in cities:
            raise LookupError(f"no country: {item['input']}")
        return cities[item["input"]]


def exact_match(*, output, expected_output, **_):
    return Evaluation(name="exact-match", value=output == expected_output, data_type="BOOLEAN")


def style(*, output, **_):
    return Evaluation(name="style", value="short" if len(output) < 10 else "long", comment="by length")


def items(*, item_results, **_):
    return Evaluation(name="items", value=len(item_results))


exact_match.__name__ = "exact-match"
pairs = ["France Paris", "Japan Tokyo", "Peru Lima", "Atlantis none"]
data = [dict(zip(("input", "expected_output"), pair.split(" "))) for pair in pairs]
langfuse.run_experiment(
    name="capitals",
    run_name="first",
    data=data,
    task=capital,
    evaluators=[exact_match, style],
    run_evaluators=[items],
    max_concurrency=1,
    metadata={"model": "gpt-4o"},
)
langfuse.shutdown()
