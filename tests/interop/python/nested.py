"""The twin of crates/tracefuse/examples/nested.rs."""

from langfuse import get_client, propagate_attributes

langfuse = get_client()


def check_stock(article):
    with langfuse.start_as_current_observation(name="check-stock", input=article) as span:
        span.create_event(name="cache-miss", level="DEBUG", metadata={"shard": 3})
        span.update(output=12)


def charge():
    with langfuse.start_as_current_observation(name="charge", metadata={"currency": "EUR"}):
        raise TimeoutError("the payment service did not answer")


try:
    with langfuse.start_as_current_observation(name="order"):
        with propagate_attributes(
            session_id="session456", metadata={"version": "1.0"}, trace_name="order"
        ):
            with langfuse.start_as_current_observation(name="validate"):
                check_stock("blue lamp")
            charge()
except TimeoutError as error:
    print(f"the application sees its error as ever: {error}")

langfuse.shutdown()
