-- What mappings and status lines call. `:help indoors`

local clients = require('indoors.clients')
local ghost = require('indoors.ghost')
local status = require('indoors.status')
local text = require('indoors.text')

local M = {}

--- Set options (those of `vim.g.indoors`) and start. Not needed: `vim.lsp.enable('indoors')` is enough.
---@param options indoors.Config?
function M.setup(options)
  vim.g.indoors = vim.tbl_deep_extend('force', vim.g.indoors or {}, options or {})
  vim.lsp.enable('indoors')
end

--- What lazy.nvim calls before it loads the plugin anew (`:Lazy reload`). The clients that run are bound to the modules
--- that go, so they end, and are started again by those that come.
function M.deactivate()
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('indoors') then return end
  vim.lsp.enable('indoors', false)
  local function are_gone() return not clients.is_any_left() end
  if not vim.wait(clients.GRACE_MS, are_gone, 10) then
    clients.force()
    vim.wait(clients.GRACE_MS, are_gone, 10)
  end
  -- Behind the wait: inside of it the modules that go would start them.
  vim.schedule(function() vim.lsp.enable('indoors') end)
end

-- These return whether there was something to act on, so that a mapping can fall back on its key.

--- Accept all that is shown.
---@return boolean
function M.accept()
  return ghost.accept(function(rest) return rest end)
end

--- Accept the first word of it.
---@return boolean
function M.accept_word() return ghost.accept(text.word) end

--- Accept the first line of it.
---@return boolean
function M.accept_line() return ghost.accept(text.line) end

--- Show the next alternative; asks for alternatives where none are there yet.
---@return boolean
function M.next() return ghost.choose(1) end

--- Show the previous alternative.
---@return boolean
function M.previous() return ghost.choose(-1) end

--- Hide what is shown.
---@return boolean
function M.dismiss() return ghost.dismiss() end

--- Ask for suggestions now.
---@return boolean
function M.ask() return ghost.invoke() end

--- Send `vim.g.indoors.settings` again after they have changed; they count at once.
function M.settings_changed() require('indoors.command').send_settings() end

--- Whether ghost text is shown.
---@return boolean
function M.is_visible() return ghost.is_visible() end

--- The state in a few characters, for a status line; '' where Indoors is not attached.
---@param buffer integer?
---@return string
function M.status(buffer) return status.line(buffer) end

return M
