-- The buffer of a URI. `vim.uri_to_bufnr` makes one where there is none, and for a buffer without a name always does.

local M = {}

--- The loaded buffer that a server knows by a URI; nil where it has gone. Buffers without a name share theirs: then the
--- current one is meant.
---@param uri any
---@return integer?
function M.buffer(uri)
  local here = vim.api.nvim_get_current_buf()
  if vim.uri_from_bufnr(here) == uri then return here end
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    -- By the whole name: `bufnr()` would take it for a pattern.
    if vim.api.nvim_buf_is_loaded(buffer) and vim.uri_from_bufnr(buffer) == uri then return buffer end
  end
end

return M
