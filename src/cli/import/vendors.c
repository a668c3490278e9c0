/* cli/import/vendors.c -- what stands before the slash of a model's name: which of them speak
 * a protocol of ours, and where. Each host is the one its vendor documents for clients of
 * OpenAI's or Anthropic's SDK. */
#include "cli/import/import.h"

#define OPENAI "openai", NULL

static const struct sl_import_vendor vendors[] = {
    {"openai", OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY", SL_IMPORT_AS_IS},
    {"anthropic", "anthropic", NULL, "https://api.anthropic.com", "ANTHROPIC_API_KEY",
     SL_IMPORT_LESS_V1},
    {"azure", "openai", "openai", NULL, "AZURE_API_KEY", SL_IMPORT_AZURE},
    {"openrouter", "[anthropic, openai]", "openrouter", "https://openrouter.ai/api",
     "OPENROUTER_API_KEY", SL_IMPORT_LESS_V1},
    {"deepseek", "openai", "deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
     SL_IMPORT_AS_IS},
    {"gemini", OPENAI, "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY",
     SL_IMPORT_AS_IS},
    {"groq", OPENAI, "https://api.groq.com/openai/v1", "GROQ_API_KEY", SL_IMPORT_AS_IS},
    {"mistral", OPENAI, "https://api.mistral.ai/v1", "MISTRAL_API_KEY", SL_IMPORT_AS_IS},
    {"xai", OPENAI, "https://api.x.ai/v1", "XAI_API_KEY", SL_IMPORT_AS_IS},
    {"together_ai", OPENAI, "https://api.together.xyz/v1", "TOGETHERAI_API_KEY", SL_IMPORT_AS_IS},
    {"fireworks_ai", OPENAI, "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY",
     SL_IMPORT_AS_IS},
    {"perplexity", OPENAI, "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY", SL_IMPORT_AS_IS},
    {"cerebras", OPENAI, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", SL_IMPORT_AS_IS},
    {"ollama", "openai", "ollama", "http://localhost:11434/v1", NULL, SL_IMPORT_PLUS_V1},
    {"ollama_chat", "openai", "ollama", "http://localhost:11434/v1", NULL, SL_IMPORT_PLUS_V1},
    {"hosted_vllm", "openai", "vllm", NULL, NULL, SL_IMPORT_AS_IS},
    {"text-completion-openai", OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY",
     SL_IMPORT_AS_IS},
    {"custom_openai", OPENAI, NULL, NULL, SL_IMPORT_AS_IS},
    {"openai_like", OPENAI, NULL, NULL, SL_IMPORT_AS_IS},
    {"litellm_proxy", OPENAI, NULL, "LITELLM_PROXY_API_KEY", SL_IMPORT_AS_IS},
};

/* Names that stand alone are known by how they begin. */
static const char *const bare[][2] = {
    {"claude", "anthropic"},
    {"gpt-", "openai"},
    {"chatgpt-", "openai"},
    {"o1", "openai"},
    {"o3", "openai"},
    {"o4", "openai"},
    {"codex-", "openai"},
    {"text-embedding-", "openai"},
    {"omni-moderation-", "openai"},
    {"text-moderation-", "openai"},
};

static const struct sl_import_vendor *by_prefix(struct sl_str prefix)
{
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (sl_str_eq(prefix, sl_str_of(vendors[i].prefix)))
            return &vendors[i];
    return NULL;
}

const struct sl_import_vendor *sl_import_vendor(struct sl_str model, struct sl_str provider,
                                                struct sl_str *name)
{
    ptrdiff_t slash = sl_str_find_byte(model, '/');
    struct sl_str prefix = slash > 0 ? sl_str_first(model, (size_t)slash) : (struct sl_str){"", 0};

    *name = model;
    if (provider.n > 0) {
        if (sl_str_eq(prefix, provider))
            *name = sl_str_from(model, prefix.n + 1);
        return by_prefix(provider);
    }
    if (prefix.n > 0) {
        *name = sl_str_from(model, prefix.n + 1);
        return by_prefix(prefix);
    }
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++)
        if (sl_str_starts(model, sl_str_of(bare[i][0])))
            return by_prefix(sl_str_of(bare[i][1]));
    return NULL;
}
