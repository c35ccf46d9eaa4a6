//! The operations of a model, and the observation that each becomes.
//! Used by `routes`, `table` and `call`. Must not know HTTP.

use tracefuse_core::ObservationType;

/// An operation of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// An answer in a conversation: chat completions, responses, messages, `generateContent`.
    Chat,
    /// The continuation of a text.
    Completion,
    /// Vectors of texts.
    Embeddings,
    /// A picture.
    Image,
    /// The text of a recording.
    Transcription,
    /// A text as sound.
    Speech,
    /// An order of documents.
    Rerank,
}

impl Operation {
    /// OpenTelemetry's name (`gen_ai.operation.name`), with which the observation's name begins.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "text_completion",
            Self::Embeddings => "embeddings",
            Self::Image => "image_generation",
            Self::Transcription => "transcription",
            Self::Speech => "audio_generation",
            Self::Rerank => "rerank",
        }
    }

    /// The type of the observation that a call is recorded as.
    #[must_use]
    pub const fn observation_type(self) -> ObservationType {
        match self {
            Self::Embeddings => ObservationType::Embedding,
            Self::Rerank => ObservationType::Retriever,
            _ => ObservationType::Generation,
        }
    }

    /// Whether most of a response is of no interest: vectors and pictures.
    pub(crate) const fn answers_with_numbers(self) -> bool {
        matches!(self, Self::Embeddings | Self::Image)
    }
}
