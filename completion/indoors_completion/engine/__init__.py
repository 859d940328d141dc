"""The engine: llama.cpp in its own process, spoken to in frames over pipes."""
