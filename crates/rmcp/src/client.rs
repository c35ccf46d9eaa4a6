//! The wrapper of a running client. Made by `traced_client`; its calls are written by a macro of `peer`.

use std::ops::{Deref, DerefMut};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
};
use rmcp::service::{QuitReason, RoleClient, RunningService, Service, ServiceError};
use tokio::task::JoinError;

use crate::call::Call;
use crate::outcome;
use crate::peer::{Sending, TracedPeer, calls};

/// A running client whose calls are recorded below the current span; made by [`traced_client`]. Everything else of
/// [`RunningService`] is reached through `Deref`, without a span.
#[derive(Debug)]
pub struct TracedClient<S: Service<RoleClient>> {
    running: RunningService<RoleClient, S>,
    how: Sending,
}

/// Records the calls of a client, each below the span that is current where it is called, and sends that span's context
/// in `params._meta`. A call outside of a trace sends nothing.
///
/// ```no_run
/// # async fn example(transport: tokio::io::DuplexStream) -> Result<(), Box<dyn std::error::Error>> {
/// use rmcp::ServiceExt as _;
/// use rmcp::model::CallToolRequestParams;
///
/// let client = tracefuse_rmcp::traced_client(().serve(transport).await?);
/// let weather = client.call_tool(CallToolRequestParams::new("forecast")).await?;
/// client.cancel().await?;
/// # Ok(())
/// # }
/// ```
pub fn traced_client<S: Service<RoleClient>>(
    running: RunningService<RoleClient, S>,
) -> TracedClient<S> {
    TracedClient {
        running,
        how: Sending::default(),
    }
}

impl<S: Service<RoleClient>> TracedClient<S> {
    /// Sends no `baggage`: a server that is not yours gets the trace's id, but not its user and session.
    #[must_use]
    pub fn traceparent_only(mut self) -> Self {
        self.how.traceparent_only = true;
        self
    }

    /// A handle for other tasks and structs, whose calls are recorded as well.
    #[must_use]
    pub fn peer(&self) -> TracedPeer {
        TracedPeer::with(self.running.peer().clone(), self.how)
    }

    /// The client without recording.
    #[must_use]
    pub fn into_inner(self) -> RunningService<RoleClient, S> {
        self.running
    }

    /// [`RunningService::cancel`].
    ///
    /// # Errors
    /// If the client's task panicked.
    pub async fn cancel(self) -> Result<QuitReason, JoinError> {
        self.running.cancel().await
    }

    /// [`RunningService::waiting`].
    ///
    /// # Errors
    /// If the client's task panicked.
    pub async fn waiting(self) -> Result<QuitReason, JoinError> {
        self.running.waiting().await
    }

    calls!(self: self.running.peer(), self.how, self.running);
}

impl<S: Service<RoleClient>> Deref for TracedClient<S> {
    type Target = RunningService<RoleClient, S>;

    fn deref(&self) -> &Self::Target {
        &self.running
    }
}

impl<S: Service<RoleClient>> DerefMut for TracedClient<S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.running
    }
}
