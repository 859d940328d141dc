-- Our clients: which of them are asked, and how one is ended.
--
-- A client that is being ended is listed by Neovim until its server's process has gone, and of a server that hangs that
-- may be never. Whoever asks it gets no answer, so it is none of those that are here.

local M = {}

local NAME = 'indoors'
-- A server that has heard that it shall end has this long. One that hangs does not hear it.
M.GRACE_MS = 2000

---@param filter { bufnr: integer?, _uninitialized: boolean? }
---@return vim.lsp.Client[]
local function listed(filter) return vim.lsp.get_clients(vim.tbl_extend('error', filter, { name = NAME })) end

---@param client vim.lsp.Client
local function is_running(client) return not client:is_stopped() end

--- Those whose servers answer.
---@return vim.lsp.Client[]
function M.all() return vim.tbl_filter(is_running, listed({})) end

--- Those whose servers run, also one that has not answered for the first time yet.
---@return vim.lsp.Client[]
function M.started() return vim.tbl_filter(is_running, listed({ _uninitialized = true })) end

--- Whether a server's process may still be there, as one that was told to end.
---@return boolean
function M.is_any_left() return #listed({ _uninitialized = true }) > 0 end

--- The one of a buffer.
---@param buffer integer
---@param but integer? an id that does not count
---@return vim.lsp.Client?
function M.of(buffer, but)
  for _, client in ipairs(listed({ bufnr = buffer })) do
    if client.id ~= but and is_running(client) then return client end
  end
end

--- End by force those that were told to end and have not. (Neovim's own `stop(true)` does nothing once `stop()` was
--- called.)
function M.force()
  for _, client in ipairs(listed({ _uninitialized = true })) do
    if client:is_stopped() then client.rpc.terminate() end
  end
end

return M
