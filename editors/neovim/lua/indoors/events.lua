-- What a buffer tells those who show ghost text in it.

local M = {}

---@class indoors.Listener
---@field update fun(may_ask: boolean) a key, or a move
---@field clear fun() nothing may be shown any more
---@field redraw fun() what is shown has another place on the screen
---@field menu_changed fun()
---@field menu_closed fun()
---@field lines_changed fun(first: integer, last: integer, new_last: integer)
---@field gone fun()
---@field is_current fun(): boolean a buffer tells until it is unloaded; whether anybody still listens

---@param buffer integer
local function group_of(buffer) return 'indoors_ghost_' .. buffer end

---@param buffer integer
---@param listener indoors.Listener
function M.listen(buffer, listener)
  local group = vim.api.nvim_create_augroup(group_of(buffer), {})
  local function on(events, run)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buffer, callback = run })
  end
  on({ 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, function() listener.update(false) end)
  -- The mode is not insert mode yet while InsertEnter runs.
  on('InsertEnter', function()
    vim.schedule(function() listener.update(true) end)
  end)
  on({ 'InsertLeave', 'BufLeave' }, function() listener.clear() end)
  -- <C-c> leaves without InsertLeave; <Insert> goes to replace mode and back without any event but this.
  on('ModeChanged', function()
    local change = vim.v.event.old_mode:sub(1, 1) .. vim.v.event.new_mode:sub(1, 1)
    if change == 'in' or change == 'iR' then listener.clear() end
    if change == 'Ri' then listener.update(true) end
  end)
  -- Where nobody listens to this event, Neovim takes characters together, and evaluates the mapping of a key behind
  -- them while they are not in the buffer yet.
  on('InsertCharPre', function() end)
  on('CompleteChanged', function() listener.menu_changed() end)
  on('CompleteDone', function() listener.menu_closed() end)
  -- It is an event of windows, by their numbers.
  vim.api.nvim_create_autocmd('WinResized', { group = group, callback = function() listener.redraw() end })
  vim.api.nvim_buf_attach(buffer, false, {
    on_lines = function(_, _, _, first, last, new_last)
      if not listener.is_current() then return true end
      listener.lines_changed(first, last, new_last)
    end,
    on_reload = function()
      if listener.is_current() then listener.clear() end
    end,
    on_detach = function()
      if listener.is_current() then listener.gone() end
    end,
  })
end

---@param buffer integer
function M.ignore(buffer) pcall(vim.api.nvim_del_augroup_by_name, group_of(buffer)) end

return M
